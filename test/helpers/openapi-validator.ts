/**
 * fastify-openapi-glue checks the contract against OpenAPI's own schema, which it compiles anew for each server: the larger
 * part of what a test's server, or a process that a test starts, takes to start. `redocly lint` checks the contract, and
 * the installed package starts as it is in `npm run test:installs`.
 */
import { Validator } from '@seriousme/openapi-schema-validator'

const prototype = Validator.prototype as unknown as { getAjvValidator(version: string): unknown }
prototype.getAjvValidator = () => () => true
