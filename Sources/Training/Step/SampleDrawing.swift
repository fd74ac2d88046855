import Data
import Formats
import Foundation
import Inference
import Models
import Runs

extension SamplePlan {
  /// Bytes held while samples are drawn: the lanes' samplers, the images and their sheet.
  func byteCount(_ plan: RunPlan) -> Int {
    guard let shape = plan.data.fields.first(where: { $0.name == SampleField.input })?.shape else { return 0 }
    return plan.tree.lanes * ImageSampler.byteCount(plan.evaluationPlan.graph, none: none)
      + ImageDrawing.byteCount(shape, images: settings.count)
      + ImageSheet.byteCount(shape, images: settings.count)
  }
}

/// The samples of one step, which the lanes draw with the parameters that the run is evaluated with.
package final class SampleDrawing: Sendable {
  let step: Int
  let usesAverage: Bool
  let images: ImageDrawing
  private let plan: SamplePlan
  private let lanes: Int

  init(_ plan: SamplePlan, of model: RunModel, step: Int, usesAverage: Bool) {
    self.plan = plan
    self.step = step
    self.usesAverage = usesAverage
    lanes = model.tree.lanes
    guard let input = model.data.fields.first(where: { $0.name == SampleField.input }) else {
      preconditionFailure("data of a diffusion model without images")
    }
    images = ImageDrawing(
      input.shape, (0..<plan.settings.count).map { plan.requests[$0 % plan.requests.count].tokens },
      rows: model.plan.rows)
  }

  /// Draws every `lanes`-th batch.
  func run(_ program: LaneProgram, lane: Int) {
    guard lane < images.batchCount else { return }
    let sampler = ImageSampler(
      program, plan.diffusion.schedule, plan.diffusion.prediction, plan.settings.sampler, none: plan.none)
    images.run(sampler, lane: lane, of: lanes)
  }

  /// All images in one.
  var grid: Image { ImageSheet(images, requests: plan.requests.count).grid }
}
