// What a chaos run ends with when something that must always hold does not.

export class Violation extends Error {
  override readonly name = 'Violation'
}
