import t from 'tap'
import { mutations } from './state-machine/mutations.js'
import { agreement } from './state-machine/properties.js'
import { seesEach } from './state-machine/seen.js'

t.setTimeout(600_000)

seesEach(t, agreement, mutations)
