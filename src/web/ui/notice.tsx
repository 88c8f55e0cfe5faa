import { useEffect } from 'preact/hooks'
import { useSelector, useStore } from '../store/store.js'

const SHOWN_MS = 5_000

/** A line that says what has been done, or could not be. */
export const NoticeLine = () => {
  const { dispatch } = useStore()
  const notice = useSelector((state) => state.notice)
  useEffect(() => {
    if (!notice) return
    const timer = setTimeout(() => dispatch({ type: 'notice-closed', id: notice.id }), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [notice, dispatch])
  return (
    <div class="notices" role="status">
      {notice && (
        <p class={`notice notice-${notice.kind}`} dir="auto">
          {notice.text}
        </p>
      )}
    </div>
  )
}
