import t from 'tap'
import { races } from './state-machine/mutations/races.js'
import { soundness } from './state-machine/properties.js'
import { seesEach } from './state-machine/seen.js'

t.setTimeout(600_000)

seesEach(t, soundness, [races])
