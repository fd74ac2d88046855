/// Names in a run folder that several modules use; others are with their writers.
package enum RunFiles {
  /// All settings of the run, with defaults; the file exists from the run's beginning.
  package static let resolvedConfiguration = "config.resolved.json"
  /// Held while a process trains here.
  package static let lock = "run.lock"
}
