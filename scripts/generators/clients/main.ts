/** Runs the scenario with the client that is generated beside this file; the last line of its output is the outcome. */
import { createGeneratedClient } from './client.js'
import { runScenario } from './scenario.js'

const { TARGET_URL: url = '', TARGET_USER: user = '', TARGET_TOKEN: token = '' } = process.env

runScenario(createGeneratedClient({ url, user, token })).then(
  (outcome) => {
    console.log(JSON.stringify(outcome))
    // A client's open connections would keep the process.
    process.exit(0)
  },
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
