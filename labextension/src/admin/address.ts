/** The server's base URL, from the address of the page at `llm/admin/` below it. */
export function baseUrlOf(page: string): string {
  return new URL('../../', page).href;
}
