extension Attention {
  package static let examples = [
    // Width (H + 2·G)·d.
    LayerExample(#"{"type": "attention", "heads": 2}"#, inputs: [[2, 5, 48]], output: [2, 5, 16]),
    LayerExample(
      #"{"type": "attention", "heads": 3, "causal": true}"#, inputs: [[2, 37, 180]], output: [2, 37, 60]),
    LayerExample(
      #"{"type": "attention", "heads": 1, "causal": true}"#, inputs: [[1, 130, 192]], output: [1, 130, 64]),
    LayerExample(
      #"{"type": "attention", "heads": 6, "kv_heads": 2, "causal": true, "position": "rope"}"#,
      inputs: [[2, 17, 80]], output: [2, 17, 48]),
    LayerExample(
      #"{"type": "attention", "heads": 3, "kv_heads": 1, "position": "rope", "theta": 500, "scale": 0.3}"#,
      inputs: [[1, 37, 320]], output: [1, 37, 192]),
    LayerExample(
      #"{"type": "attention", "heads": 3, "causal": true, "position": "alibi"}"#, inputs: [[2, 70, 72]],
      output: [2, 70, 24]),
    LayerExample(
      #"{"type": "attention", "heads": 2, "position": "relative", "buckets": 8, "max_distance": 20}"#,
      inputs: [[2, 37, 48]], output: [2, 37, 16]),
    LayerExample(
      #"{"type": "attention", "heads": 2, "causal": true, "position": "relative"}"#, inputs: [[1, 67, 120]],
      output: [1, 67, 40]),
    LayerExample(
      #"{"type": "attention", "heads": 2, "mask": "lengths"}"#, inputs: [[4, 19, 48], [4]], output: [4, 19, 16]),
    LayerExample(
      #"{"type": "attention", "heads": 2, "kv_heads": 1, "mask": "full", "position": "alibi"}"#,
      inputs: [[2, 21, 80], [2, 21, 21]], output: [2, 21, 40]),
    LayerExample(#"{"type": "attention", "heads": 2}"#, inputs: [[2, 7, 40], [2, 75, 80]], output: [2, 7, 40]),
    LayerExample(
      #"{"type": "attention", "heads": 4, "kv_heads": 1, "mask": "lengths"}"#,
      inputs: [[3, 37, 32], [3, 21, 16], [3]], output: [3, 37, 32]),
  ]
}
