import Layers
import Tensors

/// y = γ·x², with γ one factor per column, read from a copy that it prepares, and with a chosen defect.
struct BrokenLayer: Layer {
  enum Defect: String, CaseIterable, Sendable {
    case none
    case slightlyWrongInputGradient, wrongParameterGradient
    case setsWhereItShouldAdd, addsWhereItShouldSet
    case writesBehindOutput, writesBeforeGradient
    case writesInput, writesSaved, writesPrepared
    case writesBehindPrepared, preparesRandomly, preparesOnce
    case leavesOutputUnwritten
    case readsUndeclared
    case isRandomForwards, isRandomBackwards
    case differsInInference
    case dependsOnWhatIsWanted
    case wrongInBFloat16

    /// The expected complaint.
    var complaint: String {
      switch self {
      case .none: ""
      case .slightlyWrongInputGradient: "derivative of input 0"
      case .wrongParameterGradient: "derivative of parameter 0"
      case .setsWhereItShouldAdd: "does not add to float32"
      case .addsWhereItShouldSet: "leaves gradients unwritten"
      case .writesBehindOutput: "forward: writes outside"
      case .writesBeforeGradient: "backward: writes outside"
      case .writesInput, .writesSaved, .writesPrepared: "may only read"
      case .writesBehindPrepared: "preparation: writes outside"
      case .preparesRandomly: "preparation: differs when repeated"
      case .preparesOnce: "derivative of parameter 0"
      case .leavesOutputUnwritten: "leaves output unwritten"
      case .readsUndeclared: "reads what it did not declare"
      case .isRandomForwards: "forward: differs when repeated"
      case .isRandomBackwards: "backward: differs when repeated"
      case .differsInInference: "inference: differs"
      case .dependsOnWhatIsWanted: "depend on whether the input's is wanted"
      case .wrongInBFloat16: "bfloat16: the output is far"
      }
    }
  }

  static let kind = "broken"
  static let examples: [LayerExample] = []

  let defect: Defect
  let inputShapes = [TensorShape([3, 5])]
  var outputShape: TensorShape { inputShapes[0] }
  var parameters: [ParameterDeclaration] { [ParameterDeclaration("weight", TensorShape([5]), .ones)] }
  var saved: [TensorShape] { [TensorShape([1])] }
  var backwardReads: BackwardReads { defect == .readsUndeclared ? [] : .inputs }

  func prepared(_ placement: LayerPlacement) -> [Int] { [5 * ElementType.float32.byteCount] }

  private var noise: Float { Float.random(in: 0..<1e-3) }

  func prepare(_ frame: Frame) {
    let copy = frame.prepared(0)
    if defect == .preparesOnce, !copy.value(0).isNaN { return }
    for i in 0..<5 { copy.set(i, frame.parameter(0).value(i) + (defect == .preparesRandomly ? noise : 0)) }
    if defect == .writesBehindPrepared { copy.beyond(by: copy.count).set(0, 0) }
  }

  func forward(_ frame: Frame) {
    let (x, y, weight) = (frame.input(), frame.output, frame.prepared(0))
    for i in 0..<x.count { y.set(i, weight.value(i % 5) * x.value(i) * x.value(i)) }
    frame.saved(0).set(0, 1)
    switch defect {
    case .writesBehindOutput: y.beyond(by: y.count).set(0, 0)
    case .writesInput: x.set(2, 1)
    case .writesPrepared: weight.set(2, 1)
    case .leavesOutputUnwritten: y.set(y.count - 1, .nan)
    case .isRandomForwards: y.set(4, y.value(4) + noise)
    case .differsInInference: if !frame.isTraining { y.set(0, 0) }
    case .wrongInBFloat16: if y.type == .bfloat16 { y.set(1, 3 * y.value(1)) }
    default: break
    }
  }

  func backward(_ frame: Frame) {
    let (x, dy, weight) = (frame.input(), frame.outputGradient, frame.prepared(0))
    if let dx = frame.inputGradient() {
      for i in 0..<x.count {
        let slope: Float = defect == .slightlyWrongInputGradient ? 2.01 : 2
        add(slope * weight.value(i % 5) * x.value(i) * dy.value(i), to: dx, i, frame.accumulatesInputGradient())
      }
      if defect == .writesBeforeGradient { dx.beyond(by: -1).set(0, 0) }
    }
    if let dWeight = frame.parameterGradient(0) {
      for column in 0..<5 {
        var sum: Float = 0
        for i in stride(from: column, to: x.count, by: 5) { sum += dy.value(i) * x.value(i) * x.value(i) }
        if defect == .wrongParameterGradient, column == 2 { sum *= 1.1 }
        if defect == .dependsOnWhatIsWanted, frame.inputGradient() == nil { sum += 1e-3 }
        if defect == .isRandomBackwards { sum += noise }
        add(sum, to: dWeight, column, frame.accumulatesParameterGradient(0))
      }
    }
    if defect == .writesSaved { frame.saved(0).set(0, 2) }
  }

  private func add(_ value: Float, to gradient: TensorSlice, _ index: Int, _ accumulates: Bool) {
    let adds =
      switch defect {
      case .setsWhereItShouldAdd: false
      case .addsWhereItShouldSet: true
      default: accumulates
      }
    gradient.set(index, value + (adds ? gradient.value(index) : 0))
  }
}

extension TensorSlice {
  /// One element outside the tensor, which only a wrong layer reads.
  fileprivate func beyond(by elements: Int) -> TensorSlice {
    TensorSlice(address: address + elements * type.byteCount, count: 1, type: type)
  }
}
