import Configuration
import Foundation
import Inference
import JSON
import Kernels
import Synchronization
import Tensors
import Training

/// The peak rates of matrix products and memory on this machine, reached with Troupe's own kernels.
package struct Ceilings: Sendable {
  package struct Figure: Sendable {
    package let name: String
    package let lanes: Int
    package let value: Double
    package let unit: String
  }

  package let figures: [Figure]

  /// A product large enough to be bound by arithmetic alone.
  private static let largeProduct = (rows: 256, columns: 2048, inner: 2048)
  private static let smallProduct = (rows: 64, columns: 256, inner: 256)
  /// Far beyond every cache.
  private static let memoryBytes = 256 << 20
  private static let secondsPerFigure = 0.5

  package static func measure(lanes: Int) -> Ceilings {
    var figures: [Figure] = []
    for count in Set([1, lanes]).sorted() {
      for type in [ElementType.float32, .bfloat16] where type == .float32 || OneDNN.supportsBFloat16 {
        for (name, size) in [("large", largeProduct), ("small", smallProduct)] {
          figures.append(
            Figure(
              name: "\(type.rawValue) product \(size.rows)×\(size.columns)×\(size.inner) (\(name))", lanes: count,
              value: matmulRate(lanes: count, type: type, size), unit: "GFLOP/s"))
        }
      }
      figures.append(
        Figure(name: "memory, read and write", lanes: count, value: memoryRate(lanes: count), unit: "GB/s"))
    }
    return Ceilings(figures: figures)
  }

  /// GFLOP/s of all lanes together.
  package static func matmulRate(
    lanes: Int, type: ElementType, _ size: (rows: Int, columns: Int, inner: Int) = largeProduct
  ) -> Double {
    rate(lanes: lanes) {
      let shape = MatmulShape(
        rows: size.rows, columns: size.columns, inner: size.inner, transposesB: true, inputs: type, output: type)
      let a = Arena(byteCount: size.rows * size.inner * 4)
      let b = Arena(byteCount: size.columns * size.inner * 4)
      let c = Arena(byteCount: size.rows * size.columns * 4)
      let product = Matmul(shape, on: OneDNNStream())
      return {
        product.execute(
          a.slice(offset: 0, count: size.rows * size.inner, type: type),
          b.slice(offset: 0, count: size.columns * size.inner, type: type),
          into: c.slice(offset: 0, count: size.rows * size.columns, type: type))
        return Double(shape.flops) / 1e9
      }
    }
  }

  /// GB/s of all lanes together, for y += x.
  private static func memoryRate(lanes: Int) -> Double {
    rate(lanes: lanes) {
      let x = Arena(byteCount: memoryBytes / lanes)
      let y = Arena(byteCount: memoryBytes / lanes)
      return {
        GradientKernel.merge(x.all(as: .float32), into: y.all(as: .float32))
        return 3 * Double(x.byteCount) / 1e9
      }
    }
  }

  /// Repeats the work that `prepare` returns on all lanes at once, and adds up their rates.
  ///
  /// - Parameter prepare: returns work that returns its amount.
  private static func rate(lanes: Int, _ prepare: @escaping @Sendable () -> () -> Double) -> Double {
    let total = Mutex(0.0)
    let ready = Atomic(0)
    let go = DispatchSemaphore(value: 0)
    LaneThread.run(lanes) { _ in
      let work = prepare()
      _ = work()
      // The last lane to be ready starts all.
      if ready.add(1, ordering: .relaxed).newValue == lanes { for _ in 0..<lanes { go.signal() } }
      go.wait()
      let start = StageClock.now
      var amount = 0.0
      var seconds = 0.0
      repeat {
        amount += work()
        seconds = StageClock.seconds(since: start)
      } while seconds < secondsPerFigure
      total.withLock { $0 += amount / seconds }
    }
    return total.withLock { $0 }
  }

  package var description: String {
    figures.map { figure in
      figure.name.padding(toLength: 44, withPad: " ", startingAt: 0)
        + String(format: "%d lane%@  %8.1f %@", figure.lanes, figure.lanes == 1 ? " " : "s", figure.value, figure.unit)
    }.joined(separator: "\n")
  }

  package var json: JSON {
    [
      "ceilings": figures.map { figure -> JSON in
        ["name": figure.name, "lanes": figure.lanes, "value": figure.value, "unit": figure.unit]
      }
    ]
  }
}
