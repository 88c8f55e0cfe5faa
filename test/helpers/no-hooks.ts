/**
 * Loaded first in the process of each test file, which `npm test` has built to JavaScript. tap has these processes, and
 * all that they start, load modules through hooks, for mocks, types and coverage that no test of ours uses; the hooks
 * cost more than most of the tests. This leaves them out, and the started processes as a user would start them.
 */
import asyncHooks from 'node:async_hooks'
import module, { createRequire, syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../src/root.js'

const nothing = () => {}
Object.assign(module, { register: nothing, registerHooks: nothing })
// tap follows every promise and callback to the test that it comes from, which takes a fifth of a test's time. Without that
// an error that nobody catches ends the file's process, and so fails the file.
Object.assign(asyncHooks, { createHook: () => ({ enable: nothing, disable: nothing }) })
syncBuiltinESMExports()

// The compiler that tap loads all the same, which takes a process half a second.
const require = createRequire(import.meta.url)
const compiler = require.resolve('@isaacs/ts-node-temp-fork-for-pr-2009')
require.cache[compiler] = Object.assign(new module.Module(compiler), {
  loaded: true,
  exports: { register: nothing },
})

// What tap calls processinfo does not take hold of a process that this names.
process.env.__TAPJS_PROCESSINFO_TESTING_NO_REGISTER__ = String(process.pid)
delete process.env.NODE_OPTIONS

// tap starts them where they are built.
process.chdir(fileURLToPath(packageRoot))
