/// Optimizations of a plan, which change its speed and memory but no result, and whether it keeps the prediction.
package struct PlanOptions: Sendable {
  package var fusesNeighbours = true
  /// Whether the prediction can be read after a pass; without it, large logits are computed tile by tile.
  package var keepsPrediction = true
  /// Whether tensors that live at different times may lie in the same memory.
  package var sharesMemory = true

  package init() {}
}
