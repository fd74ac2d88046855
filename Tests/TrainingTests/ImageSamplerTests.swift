import Configuration
import Data
import Inference
import Kernels
import Layers
import Models
import Runs
import Tensors
import Testing

/// Images drawn with a small conditional model.
struct ImageSamplerTests {
  private static let shape = TensorShape([4, 3, 1])
  private static let classes = 5
  private static let none: [Int32] = [5]
  private static let schedule = NoiseSchedule(.cosine, steps: 30)

  /// tanh of a linear layer on image and class, and a linear layer.
  private func plan(rows: Int, precision: Precision = .float32) throws -> (ExecutionPlan, ModelState) {
    var builder = GraphBuilder()
    let input = builder.field(SampleField.input, TensorShape([rows] + Self.shape.dimensions), .float32)
    _ = builder.field(SampleField.time, TensorShape([rows]), .int32, classCount: Self.schedule.steps)
    let condition = builder.field(SampleField.condition, TensorShape([rows]), .int32, classCount: Self.classes + 1)
    _ = builder.field(SampleField.target, TensorShape([rows] + Self.shape.dimensions), .float32)
    let flat = try builder.add("flat", Flatten.blueprint(NoSettings()), input)
    let x = try builder.add("x", Linear.blueprint(.init(units: 12, initializer: .heNormal)), flat)
    var words = Embedding.LayerSettings(vocabulary: Self.classes + 1, width: 12)
    words.initializer = .normal(deviation: 1)
    let c = try builder.add("c", Embedding.blueprint(words), condition)
    let sum = try builder.add("sum", ResidualAdd.blueprint(NoSettings()), x, c)
    let bent = try builder.add("bent", ActivationLayer.blueprint(.init(.tanh)), sum)
    let out = try builder.add("out", Linear.blueprint(.init(units: 12, initializer: .heNormal)), bent)
    let graph = try builder.finish(prediction: out)
    let state = ModelState(try ParameterTable(graph), precision: precision)
    state.table.initialize(parameters: state.parameters, buffers: state.buffers, seed: 4)
    state.refreshBF16Weights()
    return (ExecutionPlan(graph, table: state.table, precision: precision, isTraining: false), state)
  }

  private func program(_ plan: ExecutionPlan, _ state: ModelState) -> LaneProgram {
    let program = LaneProgram(
      plan, state: state, activations: Arena(byteCount: plan.activationByteCount),
      prepared: Arena(byteCount: plan.preparedByteCount), store: PrimitiveStore())
    for share in plan.preparationShares(lanes: 1) { program.prepare(share) }
    return program
  }

  private func settings(_ kind: SamplerSettings.Kind = .ddim, guidance: Double = 1, seed: UInt64 = 3) -> SamplerSettings
  {
    var settings = SamplerSettings()
    (settings.kind, settings.steps, settings.guidance, settings.seed) = (kind, 10, guidance, seed)
    return settings
  }

  /// The bits of images, one after another.
  private func bits(
    _ conditions: [[Int32]], _ settings: SamplerSettings, rows: Int = 4, lanes: Int = 1,
    precision: Precision = .float32
  ) throws -> [[UInt32]] {
    let (plan, state) = try plan(rows: rows, precision: precision)
    let drawing = ImageDrawing(Self.shape, conditions, rows: rows)
    LaneThread.run(lanes) { lane in
      let sampler = ImageSampler(program(plan, state), Self.schedule, .v, settings, none: Self.none)
      drawing.run(sampler, lane: lane, of: lanes)
    }
    #expect(drawing.isFinite)
    let arena = Arena(byteCount: 4 * Self.shape.elementCount)
    let image = arena.all(as: .float32)
    return (0..<drawing.count).map { number in
      drawing.copy(number, into: image)
      let values = image.floats
      return values.indices.map { values[$0].bitPattern }
    }
  }

  private func conditions(_ count: Int) -> [[Int32]] { (0..<count).map { [Int32($0 % Self.classes)] } }

  @Test(arguments: [SamplerSettings.Kind.ddpm, .ddim], Precision.allCases)
  func neitherLanesNorCountChangeABit(kind: SamplerSettings.Kind, precision: Precision) throws {
    guard precision == .float32 || OneDNN.supportsBFloat16 else { return }
    for guidance in [1, 2.5] {
      let settings = settings(kind, guidance: guidance)
      let many = try bits(conditions(11), settings, precision: precision)
      #expect(try bits(conditions(11), settings, lanes: 2, precision: precision) == many)
      #expect(try bits(conditions(11), settings, lanes: 3, precision: precision) == many)
      #expect(try bits(conditions(6), settings, precision: precision) == Array(many.prefix(6)))
      #expect(try bits(conditions(1), settings, precision: precision) == Array(many.prefix(1)))
      #expect(Set(many).count == 11)
    }
  }

  @Test func imagesDependOnSeedAndCondition() throws {
    let image = try bits([[2]], settings())
    #expect(try bits([[2]], settings()) == image)
    #expect(try bits([[2]], settings(seed: 4)) != image)
    #expect(try bits([[3]], settings()) != image)
    #expect(try bits([[2]], settings(.ddpm)) != image)
    var noisy = settings()
    noisy.eta = 0.5
    #expect(try bits([[2]], noisy) != image)
  }

  /// Guidance 1 is the conditional model, and 0 the unconditional one.
  @Test(arguments: [SamplerSettings.Kind.ddpm, .ddim]) func guidance(kind: SamplerSettings.Kind) throws {
    let conditional = try bits(conditions(5), settings(kind))
    let unconditional = try bits([[Int32]](repeating: Self.none, count: 5), settings(kind))
    #expect(conditional != unconditional)
    #expect(try bits(conditions(5), settings(kind, guidance: 0)) == unconditional)
    #expect(try bits(conditions(5), settings(kind, guidance: 2)) != conditional)
    #expect(try directly(conditions(4), settings(kind)) == Array(conditional.prefix(4)))
  }

  /// The same images from the model alone, without the sampler.
  private func directly(_ conditions: [[Int32]], _ settings: SamplerSettings) throws -> [[UInt32]] {
    let rows = conditions.count
    let count = Self.shape.elementCount
    let (plan, state) = try plan(rows: rows)
    let program = program(plan, state)
    let arena = Arena(byteCount: 1 << 14)
    func slice(_ number: Int, _ count: Int, _ type: ElementType = .float32) -> TensorSlice {
      arena.slice(offset: number << 11, count: count, type: type)
    }
    let (x, z, times, classes) = (
      slice(0, rows * count), slice(1, rows * count), slice(2, rows, .int32), slice(3, rows, .int32)
    )
    for (number, field) in [x, times, classes, slice(4, rows * count)].enumerated() {
      program.bind(field: number, to: field)
    }
    var labels = classes.mutableIntegers
    for row in 0..<rows { labels[row] = conditions[row][0] }
    func fill(_ step: Int, _ slice: TensorSlice) {
      for row in 0..<rows {
        RandomStream(seed: settings.seed, purpose: .sampling, step: step, stream: row)
          .fillNormal(slice.slice(row * count..<(row + 1) * count))
      }
    }
    fill(Self.schedule.steps, x)
    for step in ReverseProcess(Self.schedule, .v, settings).steps {
      var values = times.mutableIntegers
      for row in 0..<rows { values[row] = Int32(step.time) }
      _ = program.forward()
      fill(step.time, z)
      step.apply(to: x, program.prediction, fresh: z)
    }
    let values = x.floats
    return (0..<rows).map { row in (0..<count).map { values[row * count + $0].bitPattern } }
  }

  /// The noise, intermediate states and the image are kept.
  @Test func momentsAreKept() throws {
    let (plan, state) = try plan(rows: 4)
    let drawing = ImageDrawing(Self.shape, conditions(6), rows: 4, moments: [0, 5, 10], watched: 5)
    var settings = settings()
    settings.guidance = 3
    let sampler = ImageSampler(program(plan, state), Self.schedule, .v, settings, none: Self.none)
    var steps = 0
    drawing.run(sampler, lane: 0, of: 1) { steps += 1 }
    #expect(steps == 20 && sampler.stepCount == 10)
    for number in 0..<5 {
      #expect(drawing.image(number, at: 2) == drawing.image(number))
      #expect(drawing.image(number, at: 0) != drawing.image(number, at: 1))
    }
    let sheet = ImageSheet(drawing, requests: 5)
    let strip = sheet.strip([0, 5, 10])
    #expect(sheet.columns == 5 && strip.width == 2 + 3 * (48 + 2) && strip.height == 2 + 5 * (64 + 2))
    #expect(ImageSheet.moments(12, of: 50).count == 12 && ImageSheet.moments(12, of: 4) == [0, 1, 2, 3, 4])
    #expect(ImageSheet.moments(3, of: 50) == [0, 25, 50])
  }
}
