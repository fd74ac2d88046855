import ArgumentParser
import Checkpoints
import Configuration
import Data
import Files
import Formats
import Foundation
import Metrics
import Runs

/// The end of a command that does not succeed: one line for people, a code for scripts.
struct CommandFailure: Error {
  let message: String
  let exitCode: ExitCode

  init(_ message: String, _ code: Int32 = 1) {
    self.message = message
    exitCode = ExitCode(code)
  }
}

/// A signal as people know it.
func signalName(_ signal: Int32) -> String {
  switch signal {
  case SIGINT: "Ctrl-C"
  case SIGTERM: "SIGTERM"
  case SIGHUP: "SIGHUP"
  case SIGUSR1: "SIGUSR1"
  case SIGUSR2: "SIGUSR2"
  case SIGXCPU: "SIGXCPU (the limit on CPU time)"
  case SIGXFSZ: "SIGXFSZ (the limit on file sizes)"
  default: "signal \(signal)"
  }
}

/// Runs `body`; turns every error of the layers below into its one line and its exit code.
///
/// - Parameter overrides: the values of `--set`, for advice on how to spell them.
func reportingFailures<Result>(
  overrides: [String] = [], _ body: () async throws -> Result
) async throws -> Result {
  do {
    return try await body()
  } catch let error as ConfigurationError {
    throw CommandFailure(error.description + Advice.quoting(error, overrides), 2)
  } catch let error as RunError {
    throw CommandFailure(error.description, error.cause == .configuration ? 2 : 1)
  } catch let error as DataError {
    throw CommandFailure(error.description + Advice.fetching(error.description), 2)
  } catch let error as FetchError {
    throw CommandFailure(error.description)
  } catch let error as CheckpointError {
    throw CommandFailure(error.description)
  } catch let error as RecordsError {
    throw CommandFailure(error.description)
  } catch let error as ImageError {
    throw CommandFailure(error.description)
  } catch let error as FileError {
    throw CommandFailure(error.description)
  }
}
