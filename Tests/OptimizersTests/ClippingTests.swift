import Kernels
import Optimizers
import Tensors
import Testing

@Suite struct ClippingTests {
  private func clipping(_ text: String) throws -> Clipping { try clippingCatalog.read(json(text)).product }
  private let statistics = [9.0, 16, 0].map { TensorStatistics(sumOfSquares: $0) }

  @Test func globalNormIsPyTorchs() throws {
    let clipping = try clipping(#"{"type": "global_norm", "threshold": 2}"#)
    let norm = Clipping.globalNorm(statistics)
    #expect(norm == 5)
    let scales = clipping.scales(statistics, globalNorm: norm)
    #expect(scales.globalScale == Float(2 / (5 + 1e-6)))
    #expect((0..<3).allSatisfy { scales.scale(of: $0) == scales.globalScale } && scales.value == .infinity)
    #expect(clipping.scales(statistics, globalNorm: 1.5).globalScale == 1)
    #expect(clipping.scales(statistics, globalNorm: .nan).globalScale.isNaN)
  }

  @Test func perTensorIsTensorFlows() throws {
    let scales = try clipping(#"{"type": "per_tensor", "threshold": 3.5}"#).scales(statistics, globalNorm: 5)
    #expect((0..<3).map { scales.scale(of: $0) } == [1, 0.875, 1])
    #expect(scales.globalScale == 0.875)
  }

  @Test func othersLeaveTheScaleAlone() throws {
    let value = try clipping(#"{"type": "value", "threshold": 0.25}"#).scales(statistics, globalNorm: 5)
    #expect(value.value == 0.25 && value.scale(of: 1) == 1)
    for text in [#"{"type": "none"}"#, #"{"type": "adaptive"}"#] {
      let scales = try clipping(text).scales(statistics, globalNorm: 5)
      #expect(scales.value == .infinity && scales.scale(of: 0) == 1 && scales.globalScale == 1)
    }
    #expect(try failure(clippingCatalog, #"{"type": "global_norm", "threshold": 0}"#)?.contains("above 0") == true)
  }

  @Test(arguments: [3, 16, 21]) func adaptiveClipsRows(columns: Int) throws {
    guard case .adaptive(let clipping) = try clipping(#"{"type": "adaptive", "clipping_factor": 0.1}"#) else {
      Issue.record("not adaptive")
      return
    }
    let rows = 4
    let gradients = Arena(byteCount: 4 * rows * columns)
    let parameters = Arena(byteCount: 4 * rows * columns)
    let g = gradients.all(as: .float32)
    let w = parameters.all(as: .float32)
    // Row 0 is below its bound, row 1 above, row 2 has tiny parameters, row 3 is not finite.
    let rowGradients: [Float] = [0.01, 5, 1, .infinity]
    let rowParameters: [Float] = [1, 2, 0, 1]
    var gradient = g.mutableFloats
    var parameter = w.mutableFloats
    for i in 0..<rows * columns {
      gradient[i] = rowGradients[i / columns]
      parameter[i] = rowParameters[i / columns]
    }
    #expect(clipping.clip(gradient: g, parameter: w, rows: rows) == 2)
    let root = Double(columns).squareRoot()
    for i in 0..<rows * columns {
      let expected: Double = [0.01, 0.2, 0.1 * 1e-3 / root, .infinity][i / columns]
      #expect(Double(g.floats[i]) == expected || abs(Double(g.floats[i]) / expected - 1) < 1e-6)
    }
  }
}
