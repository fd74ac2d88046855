import Data
import Kernels
import Models
import Runs
import Tensors

/// Draws images with one lane's program, as many at a time as its plan has rows.
///
/// The noise of image k at step t is a pure function of (seed, k, t), and a plan's rows are independent, so an image
/// does not depend on the number of images or lanes. The state x is float32 whatever the model's precision.
///
/// Not for several threads at once.
package final class ImageSampler {
  package let rows: Int
  /// Elements of an image.
  package let elementCount: Int
  private let program: LaneProgram
  private let process: ReverseProcess
  private let settings: SamplerSettings
  /// The step number of the first noise, x_T: one after the schedule's last step.
  private let firstNoise: Int
  private let conditionField: Int?
  private let x: TensorSlice
  private let fresh: TensorSlice
  /// The conditional prediction while the unconditional one is computed; also a float32 copy of a bfloat16 prediction.
  private let conditional: TensorSlice
  private let unconditional: TensorSlice
  private let times: TensorSlice
  private let conditions: TensorSlice
  private let noCondition: TensorSlice
  // Owns the memory of the slices.
  private let arena: Arena

  /// - Parameters:
  ///   - program: of an evaluation plan that keeps its prediction; its fields are bound to the sampler's memory.
  ///   - none: the value of the field "condition" for no condition; nil if there is no such field.
  package init(
    _ program: LaneProgram, _ schedule: NoiseSchedule, _ prediction: DiffusionSettings.Prediction,
    _ settings: SamplerSettings, none: [Int32]?
  ) {
    self.program = program
    self.settings = settings
    process = ReverseProcess(schedule, prediction, settings)
    firstNoise = schedule.steps
    let fields = program.plan.graph.fields
    guard let input = fields.firstIndex(where: { $0.name == SampleField.input }) else {
      preconditionFailure("a denoiser reads an image")
    }
    let count = fields[input].shape.elementCount
    rows = fields[input].shape[0]
    elementCount = count / rows
    conditionField = fields.firstIndex { $0.name == SampleField.condition }
    precondition((conditionField == nil) == (none == nil) && program.prediction.count == count)
    let sizes = Self.sizes(program.plan.graph, none: none)
    var offsets: [Int] = []
    var end = 0
    for size in sizes {
      offsets.append(end)
      end += Arena.aligned(4 * size)
    }
    let arena = Arena(byteCount: end)
    self.arena = arena
    arena.all(as: .float32).zero()
    func slice(_ number: Int, _ type: ElementType = .float32) -> TensorSlice {
      arena.slice(offset: offsets[number], count: sizes[number], type: type)
    }
    x = slice(0)
    fresh = slice(1)
    conditional = slice(2)
    unconditional = slice(3)
    times = slice(4, .int32)
    conditions = slice(5, .int32)
    noCondition = slice(6, .int32)
    var other = 7
    for (number, field) in fields.enumerated() {
      switch field.name {
      case SampleField.input: program.bind(field: number, to: x)
      case SampleField.time: program.bind(field: number, to: times)
      case SampleField.condition: program.bind(field: number, to: conditions)
      default:
        // Targets and weights, for a loss that is ignored.
        program.bind(
          field: number,
          to: arena.slice(offset: offsets[other], count: field.shape.elementCount, type: field.type))
        other += 1
      }
    }
    if let none { Self.write((0..<rows).map { _ in none }, into: noCondition) }
  }

  /// Four-byte elements of each of the sampler's tensors; those of unused fields come last.
  private static func sizes(_ graph: ModelGraph, none: [Int32]?) -> [Int] {
    let ownFields = [SampleField.input, SampleField.time, SampleField.condition]
    let input = graph.fields.first { $0.name == SampleField.input }?.shape
    let count = input?.elementCount ?? 0
    let rows = input?[0] ?? 0
    let conditionCount = rows * (none?.count ?? 0)
    return [count, count, count, count, rows, conditionCount, conditionCount]
      + graph.fields.filter { !ownFields.contains($0.name) }.map { $0.shape.elementCount * $0.type.byteCount / 4 }
  }

  /// Bytes of a sampler, besides its program.
  package static func byteCount(_ graph: ModelGraph, none: [Int32]?) -> Int {
    sizes(graph, none: none).reduce(0) { $0 + Arena.aligned(4 * $1) }
  }

  /// Steps from noise to an image.
  package var stepCount: Int { process.steps.count }

  /// Draws images `first`, `first` + 1, …
  ///
  /// - Parameters:
  ///   - given: the values of the field "condition", one per image and at most one per row; empty lists for an
  ///     unconditional model.
  ///   - look: receives x, (rows, height, width, channels), before the first step and after each, with the number of
  ///     steps.
  package func draw(first: Int, _ given: [[Int32]], look: (_ steps: Int, _ x: TensorSlice) -> Void) {
    precondition((1...rows).contains(given.count))
    if conditionField != nil {
      // Unused rows repeat the last condition.
      Self.write((0..<rows).map { given[min($0, given.count - 1)] }, into: conditions)
    }
    program.pass.validRows = rows
    program.pass.position = 0
    fillNoise(firstNoise, first: first, into: x)
    look(0, x)
    for (number, step) in process.steps.enumerated() {
      if step.noise != 0 { fillNoise(step.time, first: first, into: fresh) }
      step.apply(to: x, predict(step.time), fresh: fresh)
      look(number + 1, x)
    }
  }

  private func fillNoise(_ step: Int, first: Int, into slice: TensorSlice) {
    for row in 0..<rows {
      RandomStream(seed: settings.seed, purpose: .sampling, step: step, stream: first + row)
        .fillNormal(slice.slice(row * elementCount..<(row + 1) * elementCount))
    }
  }

  /// The guided model's prediction for x.
  private func predict(_ time: Int) -> TensorSlice {
    var values = times.mutableIntegers
    for row in values.indices { values[row] = Int32(time) }
    guard let conditionField, settings.guidance != 1 else { return forward(into: conditional) }
    if settings.guidance == 0 {
      program.bind(field: conditionField, to: noCondition)
      return forward(into: unconditional)
    }
    program.bind(field: conditionField, to: conditions)
    let prediction = forward(into: conditional)
    if prediction.address != conditional.address { conditional.copy(from: prediction) }
    program.bind(field: conditionField, to: noCondition)
    let u = forward(into: unconditional).floats
    let scale = Float(settings.guidance)
    var c = conditional.mutableFloats
    precondition(u.count == c.count)
    for i in c.indices { c[i] = u[i] + scale * (c[i] - u[i]) }
    return conditional
  }

  /// - Parameter wide: memory for the float32 copy of a bfloat16 prediction.
  /// - Returns: the prediction in float32.
  private func forward(into wide: TensorSlice) -> TensorSlice {
    _ = program.forward()
    guard program.prediction.type != .float32 else { return program.prediction }
    Elementwise.convert(program.prediction, into: wide)
    return wide
  }

  private static func write(_ rows: [[Int32]], into slice: TensorSlice) {
    var values = slice.mutableIntegers
    for (index, value) in rows.joined().enumerated() { values[index] = value }
  }
}
