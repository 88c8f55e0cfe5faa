import type { ReactNode } from 'react'
import './globals.css'

export const metadata = { title: 'An app with a chat' }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
