// Documents as YAML, with comments at their head. The package is fetched only here, by who has something to write.

import { Document } from 'yaml'

export function yamlOf(documents: readonly object[], comments: readonly string[]): string {
  return documents
    .map((value, at) => {
      // By the rules of 1.1, so that a reader of it does not take no, on or 08:00 for something else.
      const document = new Document(value, { aliasDuplicateObjects: false, version: '1.1' })
      if (at === 0 && comments.length > 0) {
        document.commentBefore = comments.map((line) => ` ${line.replaceAll('\n', ' ')}`).join('\n')
      }
      return document.toString({ lineWidth: 0 })
    })
    .join('---\n')
}
