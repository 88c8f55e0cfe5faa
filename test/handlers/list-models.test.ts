import t from 'tap'
import { echo } from '../../src/models/echo.js'
import { testApp } from '../helpers/app.js'

t.test('the models that a message may choose, the default first', async (t) => {
  const { call } = await testApp(t, { otherModels: [{ ...echo(), name: 'b/y' }] })
  const { status, body } = await call('GET', '/api/alice/models')
  t.equal(status, 200, 'it is answered')
  const data = [
    { name: 'echo', is_default: true },
    { name: 'b/y', is_default: false },
  ]
  t.same(body, { data, next_cursor: null }, 'both, on one page')
  for (const { name } of body.data) {
    const sent = await call('POST', '/api/alice/chat', { body: { message: 'hi', model: name } })
    t.match(sent, { status: 200, body: { model: name } }, `${name} answers`)
  }
})
