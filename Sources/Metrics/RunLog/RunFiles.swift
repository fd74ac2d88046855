/// Names in a run folder that several modules know; those of one kind of record are with what writes it.
package enum RunFiles {
  /// Every setting of the run, defaults written out; there from a run's first moment on.
  package static let resolvedConfiguration = "config.resolved.json"
  /// Held while a process trains here.
  package static let lock = "run.lock"
}
