// Views as values to keep.

extension RawSpan {
  /// A copy of the bytes.
  var copy: [UInt8] {
    // Typed as what they are, bytes, so that the array copies them as a block.
    unsafe withUnsafeBytes { unsafe [UInt8]($0.assumingMemoryBound(to: UInt8.self)) }
  }

  /// A copy of the bytes as text; nil when they are not UTF-8.
  var text: String? {
    // Bytes seen as bytes: nothing is reinterpreted.
    guard let text = try? UTF8Span(validating: Span<UInt8>(_bytes: self)) else { return nil }
    return String(copying: text)
  }
}
