import type { NextConfig } from 'next'

export default {
  turbopack: { root: import.meta.dirname },
  serverExternalPackages: ['better-auth'], // not bundled, which halves the build
} satisfies NextConfig
