import { useSelector } from '../../store/store.js'
import { FailureNote } from '../parts/failure-note.js'

const offline = { code: 'unreachable', message: '' }

/** Why no message can be sent now. */
export const Banners = () => {
  const isOffline = useSelector((state) => state.isOffline)
  const limit = useSelector((state) => state.limit)
  return (
    <>
      {isOffline && <FailureNote failure={offline} />}
      {limit && <FailureNote failure={limit} />}
    </>
  )
}
