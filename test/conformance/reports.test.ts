import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Window } from 'happy-dom'
import t from 'tap'
import { escapeXml } from '../../src/conformance/reports/junit.js'
import { printable } from '../../src/conformance/reports/text.js'
import { testFolder } from '../helpers/cluster.js'
import { runColloquy } from '../helpers/server.js'
import { parrot } from './parrot.js'
import { tokens } from './served.js'

t.test(
  'a server that breaks the contract: exit code 1, and reports that people and programs can read',
  async (t) => {
    const url = await parrot(t)
    const folder = await testFolder(t)
    const [json, junit] = [join(folder, 'report.json'), join(folder, 'report.xml')]
    const args = [
      'conformance',
      '--url',
      url,
      '--json',
      json,
      '--junit',
      junit,
      '--seed',
      '11',
      '--skip',
      'generated-valid,generated-invalid',
      '--runs',
      '2',
    ]
    const { code, stdout, stderr } = await runColloquy(args, { env: tokens() })
    t.equal(code, 1, `it exits with 1:\n${stderr.slice(0, 2_000)}`)
    t.match(
      stdout,
      /^FAIL {2}no-token\.getLiveness|^FAIL {2}answer\.listModels: .*\n {6}promised: listModels 200\n {6}came: .*its media type is text\/<b>.*\n {6}curl /m,
      'what was promised, and what came',
    )
    const line = /^ +(curl .*models.*)$/m.exec(stdout)?.[1] ?? ''
    t.match(
      line,
      /-H 'authorization: Bearer '"\$COLLOQUY_TOKEN_A"/,
      'the curl line has a variable in place of the token',
    )

    const report = JSON.parse(await readFile(json, 'utf8'))
    t.match(
      report,
      { url, seed: 11, contract_version: /^\d+\.\d+\.\d+$/, users: ['alice', 'bob'] },
      'JSON: what was judged',
    )
    t.equal(report.counts.checks, report.checks.length, 'JSON: the checks are counted')
    const failed = report.checks.find(({ id }: { id: string }) => id === 'answer.listModels')
    t.match(
      failed,
      {
        outcome: 'failed',
        promise: 'listModels 200',
        exchange: { request: { method: 'GET' }, response: { status: 200 } },
      },
      'JSON: a failure has its exchange',
    )

    const xml = await readFile(junit, 'utf8')
    const document = new new Window().DOMParser().parseFromString(xml, 'application/xml')
    t.equal(document.querySelector('parsererror'), null, 'JUnit: it is XML')
    const suites = [...document.querySelectorAll('testsuites > testsuite')]
    t.ok(suites.length > 10, 'JUnit: there is a suite for each operation')
    for (const suite of suites) {
      const count = (selector: string) => String(suite.querySelectorAll(selector).length)
      const name = suite.getAttribute('name')
      t.equal(suite.getAttribute('tests'), count('testcase'), `JUnit: the cases of ${name} are counted`)
      t.equal(suite.getAttribute('failures'), count('testcase > failure'), `JUnit: the failures of ${name}`)
      t.match(
        suite.getAttribute('timestamp'),
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/,
        'JUnit: a time as the schema has it',
      )
    }
    const cases = [...document.querySelectorAll('testcase')]
    t.equal(cases.length, report.checks.length, 'JUnit: every check is a case')
    t.ok(
      cases.every((one) => one.getAttribute('classname') && one.getAttribute('time')),
      'JUnit: with class and time',
    )
    const failure = document.querySelector('failure[type="listModels 200"]')
    t.match(failure?.getAttribute('message'), 'text/<b>&"]]>\'', 'JUnit: markup in a message stays text')
    for (const text of [stdout, stderr, xml, JSON.stringify(report)])
      for (const token of Object.values(tokens()))
        t.notOk(text.includes(token), 'no token is in what it writes')
  },
)

t.test('what XML cannot have is written another way', (t) => {
  t.equal(
    escapeXml('<a b="c">&\t\n\r'),
    '&lt;a b=&quot;c&quot;&gt;&amp;&#9;&#10;&#13;',
    'markup and white space',
  )
  t.equal(
    escapeXml('\0\x1b\x7f\ufffe\ud800é😀'),
    '\\u0000\\u001b\\u007f\\ufffe\ufffdé😀',
    'control characters and surrogates',
  )
  t.end()
})

t.test('what a server says does not steer the terminal', (t) => {
  t.equal(
    printable('a\u001b[31m\r\u0007\u009b2J\u2028\nb'),
    'a\\u001b[31m\\u000d\\u0007\\u009b2J\\u2028\nb',
    'it is printed as text',
  )
  t.end()
})
