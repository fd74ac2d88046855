import Data
import Formats
import Foundation
import Inference
import Runs

/// What a run draws while it goes on: the same pictures each time, out of the same noise.
package struct SamplePlan: Sendable {
  let settings: SampleSettings
  let wishes: [ConditionVocabulary.Wish]
  let none: [Int32]?
  let diffusion: DiffusionSettings

  /// - Returns: nil where a run draws nothing.
  init?(_ configuration: RunConfiguration, _ data: Dataset) throws(RunError) {
    guard let settings = configuration.samples, let diffusion = configuration.data.diffusion else { return nil }
    let vocabulary = try ConditionVocabulary(
      diffusion, data.fields, source: data.source.fields, data.tokenizer, of: data.name)
    guard data.fields.contains(where: { $0.name == SampleField.input && $0.isImage }) else {
      throw RunError(.configuration, "samples: pictures of \(data.name) cannot be drawn; they need 1 or 3 channels")
    }
    try vocabulary.checkGuidance(settings.sampler.guidance, from: .configuration)
    wishes = try vocabulary.wishes(
      classes: settings.classes, prompts: settings.prompts, from: .configuration)
    none = vocabulary.none
    self.settings = settings
    self.diffusion = diffusion
  }

  /// Bytes held while samples are drawn: the lanes' samplers, the pictures, and their sheet.
  func byteCount(_ plan: RunPlan) -> Int {
    guard let picture = plan.data.fields.first(where: { $0.name == SampleField.input })?.shape else { return 0 }
    return plan.tree.lanes * PictureSampler.byteCount(plan.evaluationPlan.graph, none: none)
      + PictureDrawing.byteCount(picture, pictures: settings.count)
      + PictureSheet.byteCount(picture, pictures: settings.count)
  }
}

/// The samples of one step, which the lanes draw with the parameters that the run is evaluated with.
package final class SampleDrawing: Sendable {
  let step: Int
  let usesAverage: Bool
  let pictures: PictureDrawing
  private let plan: SamplePlan
  private let lanes: Int

  init(_ plan: SamplePlan, of model: RunModel, step: Int, usesAverage: Bool) {
    self.plan = plan
    self.step = step
    self.usesAverage = usesAverage
    lanes = model.tree.lanes
    guard let input = model.data.fields.first(where: { $0.name == SampleField.input }) else {
      preconditionFailure("data of a diffusion model without pictures")
    }
    pictures = PictureDrawing(
      input.shape, (0..<plan.settings.count).map { plan.wishes[$0 % plan.wishes.count].tokens }, rows: model.plan.rows)
  }

  /// Draws every `lanes`-th batch.
  func run(_ programs: LanePrograms, lane: Int) {
    guard lane < pictures.batchCount else { return }
    let sampler = PictureSampler(
      programs.evaluation(usesAverage: usesAverage), plan.diffusion.schedule, plan.diffusion.prediction,
      plan.settings.sampler, none: plan.none)
    pictures.run(sampler, lane: lane, of: lanes)
  }

  /// All pictures in one.
  var grid: Image { PictureSheet(pictures, wishes: plan.wishes.count).grid }
}
