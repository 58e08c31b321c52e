import type { Environment } from 'nunjucks'

/** What a visitor is told when a request failed: the status, and a page without details. */
export function errorPage(views: Environment, error: unknown): { status: 400 | 413 | 500; html: string } {
  const status = statusOf(error)
  if (status === 500) console.error(error)
  return { status, html: views.render('error.html', words[status]) }
}

const words = {
  400: { heading: 'That did not work', advice: 'The server could not make sense of it. Nothing was stored.' },
  413: { heading: 'That is too much for one form', advice: 'Nothing was stored.' },
  500: { heading: 'Something broke here', advice: 'It is not your fault. Please try again in a moment.' },
}

/** Every framework's error for a bad request has the status in one of these two places. */
function statusOf(error: unknown): 400 | 413 | 500 {
  const { status, statusCode = status } = (error ?? {}) as { status?: unknown; statusCode?: unknown }
  if (statusCode === 413) return 413
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? 400 : 500
}
