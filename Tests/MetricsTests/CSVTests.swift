import Files
import FoundationEssentials
import Glibc
import Metrics
import SystemPackage
import TestSupport
import Testing

@Suite struct CSVTests {
  @Test func tablesHoldTheNumbersAsWritten() throws {
    let folder = try TemporaryFolder()
    try MetricsTests.write(MetricsTests.lines, try MetricsWriter(folder: folder.url, resumeAt: nil))
    #expect(try MetricsCSV.write(folder: folder.url, to: folder.url) == 0)
    #expect(
      try folder.text("steps.csv") == """
        step (updates),epoch (passes),loss,learning_rate,gradient_norm (L2),clip_scale (ratio),\
        samples_per_second (1/s),step_ms (ms)
        1,0.125,2.30258512,0.0003,1.5,0.666666687,25600,5

        """)
    #expect(
      try folder.text("validation.csv") == """
        step (updates),split,loss,accuracy (share),count (samples),is_ema
        2,validation,0.100000001,0.980000019,1000,true
        2,test,inf,,10,false

        """)
    #expect(
      try folder.text("norms.csv") == """
        step (updates),tensor,depth (layers from input),elements,gradient_l2,gradient_max,\
        gradient_nonfinite (elements),parameter_l2,parameter_max,update_l2,update_max
        1,layers.0.weight,0,6,1e-30,0,0,1,0.5,1e-5,123450
        1,layers.0.bias,0,3,inf,inf,4000000000,2,1e20,-inf,0

        """)
  }

  @Test func namesAreQuotedAndNeverFormulas() throws {
    let folder = try TemporaryFolder()
    let writer = try MetricsWriter(folder: folder.url, resumeAt: nil)
    try writer.validation(ValidationRecord(step: 1, split: "a,\"b\"", loss: 1, accuracy: nil, count: 1))
    try writer.validation(ValidationRecord(step: 1, split: "=1+1", loss: 1, accuracy: nil, count: 1))
    try MetricsCSV.write(folder: folder.url, to: folder.url)
    let rows = try folder.text("validation.csv").split(separator: "\n")
    #expect(rows.dropFirst() == ["1,\"a,\"\"b\"\"\",1,,1,false", "1,'=1+1,1,,1,false"])
  }

  @Test func fullDiskIsSaid() throws {
    let folder = try TemporaryFolder()
    try MetricsTests.write(MetricsTests.lines, try MetricsWriter(folder: folder.url, resumeAt: nil))
    let calls = FileSystemCalls { operation, _ in operation == .write ? .fail(ENOSPC) : .proceed }
    let expected = RecordsError.file(FileError(folder.path("steps.csv"), "write", .noSpace))
    #expect(throws: expected) { try MetricsCSV.write(folder: folder.url, to: folder.url, calls: calls) }
  }
}
