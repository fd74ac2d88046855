extension RawSpan {
  /// The word at `index`, where the bytes are words from their start on, aligned or not.
  @inlinable package func word<Word: FixedWidthInteger & BitwiseCopyable>(_ index: Int, as type: Word.Type) -> Word {
    // Checks the bounds; unsafe only where a pattern of bits would be no value.
    unsafeLoadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
  }
}
