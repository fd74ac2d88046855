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

/// The module map and shim header of a C library.
func library(_ name: String, pkgConfig: String? = nil, packages: [String] = []) -> Target {
  .systemLibrary(
    name: name, path: "Sources/CLibraries/\(name)", pkgConfig: pkgConfig,
    providers: packages.isEmpty ? nil : [.apt(packages)])
}

let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

/// - Parameter symbols: functions that the test program's own `troupe_counted_…` take the place of, in all libraries.
func tests(_ name: String, _ dependencies: [Target.Dependency] = [], counting symbols: [String] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.target(name: name), "TestSupport"] + dependencies, swiftSettings: settings,
    linkerSettings: symbols.map {
      .unsafeFlags(
        ["-Xlinker", "--defsym=\($0)=troupe_counted_\($0)", "-Xlinker", "--export-dynamic-symbol=\($0)"])
    })
}

/// The parts of the report pages.
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
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: [
    library("CHDF5", pkgConfig: "hdf5-serial", packages: ["libhdf5-dev"]),
    library("COneDNN", packages: ["libdnnl-dev"]),
    library("CZlib", pkgConfig: "zlib", packages: ["zlib1g-dev"]),
    library("CCrypto", pkgConfig: "libcrypto", packages: ["libssl-dev"]),
    library("CImage", packages: ["libpng-dev", "libturbojpeg0-dev"]),
    library("CLAPACK", packages: ["liblapacke-dev"]),
    library("CPlatform"),
    .systemLibrary(name: "CAllocations", path: "Tests/CAllocations"),

    room("Tensors", ["CPlatform"]),
    room("JSON"),
    room("Files", ["CCrypto", "CPlatform", .product(name: "SystemPackage", package: "swift-system")]),
    room("Configuration", ["Files", "JSON"]),
    room("Kernels", ["Tensors", "CPlatform", "COneDNN"]),
    room("Layers", ["Tensors", "Configuration", "Kernels"]),
    room("Models", ["Tensors", "Configuration", "Kernels", "Layers"]),
    room("Optimizers", ["Tensors", "Configuration", "JSON", "Kernels"]),
    room(
      "Formats",
      [
        "Tensors", "CHDF5", "CImage", "CPlatform", "CZlib", "Files", "JSON",
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    room("Tokenizers", ["Files", "JSON"]),
    room(
      "Data",
      ["Tensors", "Configuration", "Files", "CCrypto", "CPlatform", "CZlib", "Formats", "JSON", "Tokenizers"]),
    room("Checkpoints", ["Tensors", "CCrypto", "CPlatform", "Files", "Formats", "JSON"]),
    room("Metrics", ["Files", "JSON"]),
    room(
      "Runs",
      [
        "Tensors", "CPlatform", "Checkpoints", "Configuration", "Data", "Files", "JSON", "Kernels", "Layers", "Metrics",
        "Models", "Optimizers", "Tokenizers",
      ]),
    room(
      "Inference",
      [
        "Tensors", "CLAPACK", "CPlatform", "Checkpoints", "Configuration", "Data", "Files", "Formats", "JSON",
        "Kernels", "Layers", "Metrics", "Models", "Runs", "Tokenizers",
      ]),
    room("Reports", ["Files", "JSON", "Metrics"], resources: reportParts.map { .embedInCode("Page/\($0)") }),
    room(
      "Training",
      [
        "Tensors", "CPlatform", "Checkpoints", "Configuration", "Data", "Files", "Formats", "Inference", "JSON",
        "Kernels", "Layers", "Metrics", "Models", "Optimizers", "Runs", "Tokenizers",
        .product(name: "DequeModule", package: "swift-collections"),
      ]),
    room(
      "Diagnostics",
      [
        "Tensors", "Checkpoints", "Configuration", "Data", "Inference", "JSON", "Kernels", "Metrics", "Models",
        "Optimizers", "Reports", "Runs", "Training",
      ]),
    room(
      "Sweeps",
      [
        "Tensors", "CPlatform", "Checkpoints", "Configuration", "Files", "JSON", "Metrics", "Reports", "Runs",
        subprocess, .product(name: "SystemPackage", package: "swift-system"),
      ]),
    room(
      "Watch",
      [
        "Files", "JSON", "Metrics", "Reports", "Sweeps",
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ]),
    .executableTarget(
      name: "troupe",
      dependencies: [
        "CPlatform", "Checkpoints", "Configuration", "Data", "Diagnostics", "Files", "Formats", "Inference", "JSON",
        "Kernels", "Metrics", "Reports", "Runs", "Sweeps", "Tokenizers", "Training", "Watch",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings),

    .target(name: "TestSupport", dependencies: ["Files"], path: "Tests/TestSupport", swiftSettings: settings),
    tests("Tensors"),
    tests("JSON"),
    tests("Files"),
    tests("Configuration", ["JSON", "Runs"]),
    tests("Kernels", ["Tensors"]),
    tests("Layers", ["Tensors", "Configuration", "JSON", "Kernels"]),
    tests("Models", ["Tensors", "Configuration", "JSON", "Kernels", "Layers"]),
    tests("Optimizers", ["Tensors", "Configuration", "JSON", "Kernels"]),
    tests("Formats", ["Tensors", "CImage", "CZlib"]),
    tests("Tokenizers", ["JSON"]),
    tests(
      "Data", ["Tensors", "CHDF5", "CPlatform", "Configuration", "Formats", "JSON", "Tokenizers", subprocess]),
    tests("Checkpoints", ["Tensors", "CHDF5", "Files", "Formats"]),
    // Runs and evaluations made by formulas, for several test targets.
    .target(
      name: "RecordFixtures", dependencies: ["Formats", "Metrics"], path: "Tests/RecordFixtures",
      swiftSettings: settings),
    tests("Metrics", ["Files", "Formats", "JSON", "RecordFixtures"]),
    tests("Reports", ["JSON", "Metrics", "RecordFixtures"]),
    tests(
      "Inference",
      ["Tensors", "Checkpoints", "Data", "Formats", "JSON", "Kernels", "Models", "Runs", "Tokenizers", "Training"]),
    tests(
      "Training",
      [
        "Tensors", "CAllocations", "Checkpoints", "Configuration", "Data", "Diagnostics", "Formats", "Inference",
        "JSON", "Kernels", "Metrics", "Models", "Optimizers", "Runs", "Tokenizers",
      ],
      counting: ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign", "_Znwm"]),
    tests("Sweeps", ["Configuration", "JSON", "Metrics", "Runs"]),
    // Whole runs through the command line: the program is built because it is a dependency, and run as a process.
    .testTarget(
      name: "TroupeTests",
      dependencies: [
        "troupe", "Checkpoints", "Configuration", "Data", "Files", "Formats", "JSON", "Metrics", "Reports", "Runs",
        "Sweeps", "TestSupport",
      ],
      swiftSettings: settings),
  ]
)
