/**
 * fastify-openapi-glue checks the contract against OpenAPI's own schema, which it compiles anew for each server. A test's
 * process has dozens of servers, and this is the larger part of what each of them costs: here it is compiled once.
 */
import { Validator } from '@seriousme/openapi-schema-validator'

const prototype = Validator.prototype as unknown as { getAjvValidator(version: string): unknown }
const { getAjvValidator } = prototype
const compiled = new Map<string, unknown>()

prototype.getAjvValidator = function (version) {
  const validate = compiled.get(version) ?? getAjvValidator.call(this, version)
  compiled.set(version, validate)
  return validate
}
