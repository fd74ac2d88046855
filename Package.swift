// swift-tools-version: 6.2
import Foundation
import PackageDescription

// The instruction set that kernels are compiled for: "native" by default, any -march value (x86-64-v3, …)
// through the environment. It reaches Swift's code generator through the embedded clang.
let march = ProcessInfo.processInfo.environment["TROUPE_MARCH"] ?? "native"

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .unsafeFlags(["-Xcc", "-march=\(march)", "-Xcc", "-mprefer-vector-width=512"]),
]

/// A target with the house settings; each names only targets that stand above it in this list.
func room(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

/// - Parameter symbols: functions that the test program's own `troupe_counted_…` take the place of, in all libraries.
func tests(_ name: String, _ dependencies: [Target.Dependency] = [], counting symbols: [String] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, swiftSettings: settings,
    linkerSettings: symbols.map {
      .unsafeFlags(
        ["-Xlinker", "--defsym=\($0)=troupe_counted_\($0)", "-Xlinker", "--export-dynamic-symbol=\($0)"])
    })
}

/// What the report pages are put together from.
let reportParts = [
  "report.html", "report.css", "charts.js", "page.js", "line-chart.js", "heat-map.js", "stage-bars.js", "confusion.js",
  "sequences.js", "denoising.js", "report.js", "parallel.js", "scatter.js", "bars.js", "sweep.js", "learning-rate.js",
  "watch.html", "watch.js",
]

let package = Package(
  name: "troupe",
  products: [.executable(name: "troupe", targets: ["troupe"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["ConfigurationSupport"]),
  ],
  targets: [
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5-serial", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CImage", providers: [.apt(["libpng-dev", "libturbojpeg0-dev"])]),
    .systemLibrary(name: "CLAPACK", providers: [.apt(["liblapacke-dev"])]),
    .systemLibrary(name: "CPlatform"),
    .systemLibrary(name: "CAllocations", path: "Tests/CAllocations"),

    room("Arenas", ["CPlatform"]),
    room("Checksums", ["CPlatform"]),
    room("JSONValues"),
    room("Configuration", ["JSONValues"]),
    room("Kernels", ["Arenas", "CPlatform", "COneDNN"]),
    room("Layers", ["Arenas", "Configuration", "Kernels"]),
    room("ModelGraph", ["Arenas", "Layers"]),
    room("Architectures", ["Arenas", "Configuration", "Kernels", "Layers", "ModelGraph"]),
    room("ExecutionPlanning", ["Arenas", "Kernels", "Layers", "ModelGraph"]),
    room("Optimizers", ["Arenas", "Configuration", "JSONValues", "Kernels"]),
    room("HDF5Format", ["Arenas", "CZlib"]),
    room("ImageFiles", ["CImage"]),
    room("Tokenizers", ["Checksums", "JSONValues"]),
    room(
      "DataReading",
      [
        "Arenas", "Checksums", "Configuration", "CPlatform", "CZlib", "HDF5Format", "ImageFiles", "JSONValues",
        "Tokenizers",
      ]),
    room("DatasetFetching", ["CCrypto", "DataReading"]),
    room("CheckpointFiles", ["Arenas", "CCrypto", "CPlatform", "Checksums", "HDF5Format", "JSONValues"]),
    room("RunRecords", ["Checksums", "JSONValues"], resources: reportParts.map { .embedInCode("Report/\($0)") }),
    room(
      "Pipeline",
      [
        "Architectures", "Arenas", "CPlatform", "CheckpointFiles", "Configuration", "DataReading", "ExecutionPlanning",
        "ImageFiles", "JSONValues", "Kernels", "Layers", "ModelGraph", "Optimizers", "RunRecords", "Tokenizers",
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    room(
      "Generation",
      [
        "Architectures", "Arenas", "CLAPACK", "DataReading", "ExecutionPlanning", "ImageFiles", "Kernels", "Layers",
        "ModelGraph", "Pipeline", "Tokenizers",
      ]),
    room(
      "Sweeps",
      [
        "Arenas", "CPlatform", "CheckpointFiles", "Configuration", "DataReading", "JSONValues", "Pipeline",
        "RunRecords",
        subprocess,
      ]),
    room(
      "Watch",
      [
        "JSONValues", "RunRecords", "Sweeps",
        // It brings a module of the same name as our Configuration.
        .product(
          name: "Hummingbird", package: "hummingbird", moduleAliases: ["Configuration": "SwiftConfiguration"]),
      ]),
    .executableTarget(
      name: "troupe",
      dependencies: [
        "CheckpointFiles", "Configuration", "DataReading", "DatasetFetching", "Generation", "ImageFiles", "JSONValues",
        "Kernels", "Pipeline", "RunRecords", "Sweeps", "Tokenizers", "CPlatform", "Watch",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),

    tests("Arenas"),
    tests("JSONValues"),
    tests("Configuration", ["JSONValues", "Pipeline"]),
    tests("Kernels", ["Arenas"]),
    tests("Layers", ["Arenas", "Configuration", "JSONValues", "Kernels"]),
    tests("ModelGraph", ["Arenas", "Kernels", "Layers"]),
    tests("Architectures", ["Arenas", "Configuration", "JSONValues", "Layers", "ModelGraph"]),
    tests(
      "ExecutionPlanning",
      ["Architectures", "Arenas", "Configuration", "JSONValues", "Kernels", "Layers", "ModelGraph"]),
    tests("Optimizers", ["Arenas", "Configuration", "JSONValues", "Kernels"]),
    tests("CheckpointFiles", ["Arenas", "CHDF5", "HDF5Format"]),
    tests("RunRecords", ["Checksums", "ImageFiles", "JSONValues"]),
    tests(
      "Pipeline",
      [
        "Arenas", "CAllocations", "CheckpointFiles", "Configuration", "DataReading", "ExecutionPlanning", "ImageFiles",
        "JSONValues", "Kernels", "Optimizers", "RunRecords", "Tokenizers",
      ],
      counting: ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign", "_Znwm"]),
    tests(
      "Generation",
      [
        "Arenas", "CheckpointFiles", "DataReading", "ExecutionPlanning", "ImageFiles", "JSONValues", "Kernels",
        "ModelGraph",
        "Pipeline", "Tokenizers",
      ]),
    tests("Sweeps", ["Configuration", "JSONValues", "Pipeline"]),
    tests("ImageFiles", ["Arenas", "CImage", "CZlib"]),
    tests("Tokenizers", ["JSONValues"]),
    tests(
      "DataReading",
      [
        "Arenas", "CHDF5", "CPlatform", "Configuration", "ImageFiles", "JSONValues", "Tokenizers", subprocess,
      ]),
    tests("DatasetFetching", ["DataReading", subprocess]),
    // Whole runs through the command line: the program is built because it is a dependency, and run as a process.
    .testTarget(
      name: "TroupeTests",
      dependencies: ["troupe", "CheckpointFiles", "Configuration", "ImageFiles", "JSONValues", "RunRecords", "Sweeps"],
      swiftSettings: settings),
  ]
)
