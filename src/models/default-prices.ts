import type { PriceTable } from './prices.js'

/**
 * The standard prices of a few models, in US dollars per million tokens, as of 2026-11-27. From the providers' pages:
 * https://developers.openai.com/api/docs/pricing and https://platform.claude.com/docs/en/about-claude/pricing. A prompt that is so
 * long that a provider charges more for it, and its discounts, are for a file of one's own.
 */
export const defaultPrices: PriceTable = {
  currency: 'USD',
  models: {
    'openai/gpt-5.5': { input: '5', cached_input: '0.50', output: '30' },
    'openai/gpt-5.4': { input: '2.50', cached_input: '0.25', output: '15' },
    'openai/gpt-5.4-mini': { input: '0.75', cached_input: '0.075', output: '4.50' },
    'openai/gpt-5.4-nano': { input: '0.20', cached_input: '0.02', output: '1.25' },
    'anthropic/claude-opus-5-5': { input: '4', cached_input: '0.20', cache_write: '5', output: '20' },
    'anthropic/claude-opus-5': { input: '5', cached_input: '0.50', cache_write: '6.25', output: '25' },
    'anthropic/claude-sonnet-5-5': { input: '2', cached_input: '0.20', cache_write: '2.50', output: '10' },
    'anthropic/claude-sonnet-5': { input: '2', cached_input: '0.20', cache_write: '2.50', output: '10' },
    'anthropic/claude-haiku-4-5*': { input: '1', cached_input: '0.10', cache_write: '1.25', output: '5' },
  },
}
