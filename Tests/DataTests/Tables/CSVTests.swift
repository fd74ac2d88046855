import Data
import Tensors
import TestSupport
import Testing

@Suite struct CSVTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  private func open(_ text: String, _ change: (inout CSVData) -> Void = { _ in }) throws -> any SampleSource {
    var data = CSVData(file: try scratch.write(text, "t.csv"))
    change(&data)
    return try data.open(seed: 0).samples
  }

  @Test func numbersNamedClassesByName() throws {
    let source = try open("a,b,species\n1,2,setosa\n-3.5,4e2,iris\n0.25,1e-3,setosa\n")
    #expect(source.count == 3)
    #expect(source.fields[0].shape == TensorShape([2]))
    #expect(source.fields[1].classNames == ["iris", "setosa"])
    #expect(source.values(1, 0) == [-3.5, 400])
    #expect(source.values(2, 0) == [0.25, 0.001])
    #expect((0..<3).map { source.values($0, 1)[0] } == [1, 0, 1])
  }

  @Test func ordersNumericClassesByValue() throws {
    let source = try open("x,y\n1,10\n2,9\n3,2\n")
    #expect(source.fields[1].classNames == ["2", "9", "10"])
    #expect((0..<3).map { source.values($0, 1)[0] } == [2, 1, 0])
  }

  /// A small packed file does not fill the memory with one cell.
  @Test func aCellEnds() throws {
    for cell in ["", "\""] {
      expectRefusal("cells of at most 16.0 MiB") {
        _ = try open("x,y\n1,a\n2," + cell + String(repeating: "b", count: 19 << 20))
      }
    }
  }

  /// A label is what it is worth, however it is spelled.
  @Test func oneValueIsOneClass() throws {
    let mixed = try open("x,y\n1,1\n2,1.0\n3,2\n4,2.00\n5,01\n6,2e0\n")
    #expect(mixed.fields[1].classNames == ["1", "2"])
    #expect((0..<6).map { mixed.values($0, 1)[0] } == [0, 0, 1, 1, 0, 1])
    // The shortest spelling that occurs, whichever came first.
    #expect(try open("x,y\n1,1.00\n2,1.0\n3,-0\n4,0\n").fields[1].classNames == ["0", "1.0"])
    let halves = try open("x,y\n1,0.5\n2,1.0\n3,1\n")
    #expect(halves.fields[1].classNames == ["0.5", "1"] && halves.values(1, 1) == halves.values(2, 1))
    let spaced = try open("x,y\n1,a\n2, \"a\"\n3,\"a\" \n4,\"a\"\n5,b\n6,\t\"b\" \n")
    #expect(spaced.fields[1].classNames == ["a", "b"])
    #expect((0..<6).map { spaced.values($0, 1)[0] } == [0, 0, 0, 0, 1, 1])
    // Spaces inside quotes are part of the name, and a number may stand in such quotes.
    #expect(try open("x,y\n \"1\" ,\" a\"\n2,a\n").fields[1].classNames == [" a", "a"])
    expectRefusal("line 2", "after the closing quote") { _ = try open("x,y\n1, \"a\" b\n2,c\n") }
    expectRefusal("at least 2 classes") { _ = try open("x,y\n1,1\n2,1.0\n") }
    let given = try open("x,y\n1,0\n2,3.0\n") { $0.classes = 5 }
    #expect(given.values(1, 1) == [3])
    expectRefusal("\"1.5\"") { _ = try open("x,y\n1,0\n2,1.5\n") { $0.classes = 5 } }
  }

  /// What differs as text and may differ in meaning stays apart.
  @Test func otherSpellingsStayApart() throws {
    #expect(try open("x,y\n1,1.1\n2,1.10\n3,1.2\n").fields[1].classNames == ["1.1", "1.10", "1.2"])
    #expect(try open("x,y\n1,1\n2,1.0\n3,one\n").fields[1].classNames == ["1", "1.0", "one"])
    // Identifiers that float64 cannot tell apart.
    let large = try open("x,y\n1,9007199254740993\n2,9007199254740992\n")
    #expect(large.fields[1].classNames == ["9007199254740992", "9007199254740993"])
    #expect(try open("x,y\n1,a\n2,A\n").fields[1].classNames.count == 2)
    // A delimiter that is a space or a tab is none of the spaces around quotes.
    let tabs = try open("x\ty\n1\t\"a\"\n2\tb\n") { $0.delimiter = "\t" }
    #expect(tabs.fields[1].classNames == ["a", "b"])
  }

  @Test func aTestFileMayWriteLabelsAsFloats() throws {
    var data = CSVData(file: try scratch.write("x,y\n1,2\n2,10\n", "train.csv"))
    data.testFile = try scratch.write("x,y\n1,10.0\n2,2.0\n", "test.csv")
    let test = try #require(try data.open(seed: 0).test)
    #expect(test.fields[1].classNames == ["2", "10"] && test.values(0, 1) == [1])
  }

  @Test func takesGivenClassCount() throws {
    let source = try open("x,y\n1,0\n2,3\n") { $0.classes = 5 }
    #expect(source.fields[1].classCount == 5)
    expectRefusal("line 3, column 2 (\"y\")", "0 to 4", "\"5\"") { _ = try open("x,y\n1,0\n2,5\n") { $0.classes = 5 } }
  }

  @Test func readsRegressionTargetsByNameAndIndex() throws {
    let source = try open("id;a;b;c\n7;1;2;3\n8;4;5;6\n") {
      $0.task = .regression
      $0.delimiter = ";"
      $0.targets = ["b", "-1"]
      $0.ignore = ["id"]
    }
    #expect(source.fields[0].shape == TensorShape([1]))
    #expect(source.fields[1].shape == TensorShape([2]))
    #expect(source.fields[1].type == .float32)
    #expect(source.values(1, 0) == [4])
    #expect(source.values(1, 1) == [5, 6])
  }

  @Test(arguments: [
    "\u{FEFF}a,b\r\n1,x\r\n2,y\r\n", "a,b\n1,x\n2,y", "\n\na,b\n\n1,x\n2,y\n\n", "a,b\r1,x\r2,y\r",
    "\"a\",\"b\"\n\"1\",\"x\"\n 2 , y \n",
  ])
  func readsEveryLineEnd(_ text: String) throws {
    let source = try open(text)
    #expect(source.count == 2)
    #expect(source.fields[1].classNames == ["x", "y"])
    #expect(source.values(1, 0) == [2])
  }

  @Test func readsQuotedCells() throws {
    let source = try open("v,\"the \"\"label\"\", quoted\"\n1,\"a,b\"\n2,\"c\nd\"\n3,\"say \"\"hi\"\"\"\n") {
      $0.targets = ["the \"label\", quoted"]
    }
    #expect(source.fields[1].classNames == ["a,b", "c\nd", "say \"hi\""])
  }

  @Test func readsWithoutHeader() throws {
    let source = try open("1,2,0\n3,4,1\n") { $0.header = false }
    #expect(source.count == 2)
    #expect(source.values(0, 0) == [1, 2])
    expectRefusal("line 1, column 1", "\"a\"", "set header") { _ = try open("a,b,c\n1,2,0\n") { $0.header = false } }
  }

  @Test func roundsNumbersAsSwiftDoes() throws {
    let texts = ["0.1", "3.4028234e38", "16777217", "0.000123456789", "123456789.123", "1e-40", "-0", "007.50", "+2.5"]
    let source = try open("x,y\n" + texts.map { "\($0),1" }.joined(separator: "\n") + "\n0,2\n")
    for (index, text) in texts.enumerated() { #expect(source.values(index, 0) == [Float(text) ?? .nan], "\(text)") }
  }

  @Test func namesWhatIsWrong() throws {
    expectRefusal("line 3, column 1 (\"a\")", "finite number", "an empty cell") { _ = try open("a,b\n1,x\n,y\n") }
    for cell in ["nan", "NaN", "inf", "-Infinity", "0x1p3", "1e999", "twelve", "1 2", "--1", "1.2.3", "١"] {
      expectRefusal("t.csv", "line 2, column 1", "finite number") { _ = try open("a,b\n\(cell),x\n2,y\n") }
    }
    expectRefusal("line 3", "3 cells", "2") { _ = try open("a,b,c\n1,2,x\n1,2\n") }
    expectRefusal("line 2", "3 cells", "more") { _ = try open("a,b,c\n1,2,x,9\n1,2,y\n") }
    expectRefusal("line 2", "closing quote") { _ = try open("a,b\n1,\"x\n2,y\n") }
    expectRefusal("line 2", "after the closing quote") { _ = try open("a,b\n1,\"x\"z\n") }
    expectRefusal("empty file") { _ = try open("") }
    expectRefusal("empty file") { _ = try open("\n\r\n") }
    expectRefusal("rows below the header") { _ = try open("a,b\n") }
    expectRefusal("column \"q\"", "\"a\", \"b\"") { _ = try open("a,b\n1,x\n") { $0.targets = ["q"] } }
    expectRefusal("one column \"a\"", "2") { _ = try open("a,a\n1,x\n") { $0.targets = ["a"] } }
    expectRefusal("besides the target") { _ = try open("a;b\n1;x\n") }
    expectRefusal("at least 2 classes", "\"x\"") { _ = try open("a,b\n1,x\n2,x\n") }
    expectRefusal("line 3, column 2", "a class", "an empty cell") { _ = try open("a,b\n1,x\n2,\n") }
    expectRefusal("both") {
      _ = try open("a,b\n1,x\n") {
        $0.targets = ["b"]
        $0.ignore = ["b"]
      }
    }
    expectRefusal("at most 10 bytes", "max_bytes") { _ = try open("a,b\n1,x\n2,y\n") { $0.maxBytes = 10 } }
  }

  @Test func testFileSharesTheClasses() throws {
    let train = try scratch.write("a,b\n1,x\n2,y\n", "train.csv")
    var data = CSVData(file: train)
    data.testFile = try scratch.write("a,b\n3,y\n", "test.csv")
    let opened = try data.open(seed: 0)
    #expect(opened.test?.values(0, 1) == [1])
    data.testFile = try scratch.write("a,b\n3,z\n", "test.csv")
    expectRefusal("test.csv", "line 2, column 2", "training file", "\"z\"") { _ = try data.open(seed: 0) }
    data.testFile = try scratch.write("q,b\n3,x\n", "test.csv")
    expectRefusal("test.csv", "feature columns") { _ = try data.open(seed: 0) }
  }
}
