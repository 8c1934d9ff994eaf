// What the programs of this package answer to --version: they are released together.

/// The version of the package's programs.
package enum ProgramVersion {
  package static let current = "0.1.0"
}
