import Kernels
import Testing

/// The checker itself: it catches each defect and names it.
@Suite struct LayerCheckTests {
  @Test(arguments: BrokenLayer.Defect.allCases) func catches(_ defect: BrokenLayer.Defect) {
    if defect == .wrongInBFloat16, !OneDNN.supportsBFloat16 { return }
    let complaints = LayerCheck(layer: BrokenLayer(defect: defect)).complaints()
    if defect == .none {
      #expect(complaints.isEmpty, "\(complaints)")
    } else {
      #expect(complaints.contains { $0.contains(defect.complaint) }, "\(complaints)")
    }
  }

  @Test func catchesALayerThatShouldDifferInInference() {
    let check = LayerCheck(layer: BrokenLayer(defect: .none), isSameInInference: false)
    #expect(check.complaints() == ["inference: does not differ from training"])
  }
}
