// The byte-level alphabet of GPT-2: every byte as a printable character, so that a vocabulary of texts holds any bytes.
// Also what stands for bytes that are not UTF-8 while a text is cut. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hone {

/// GPT-2's pattern, which the part ByteLevel uses.
extern const char* const kGpt2Pattern;

/// Appends `bytes` in the byte-level alphabet.
void append_byte_level(std::string_view bytes, std::string& out);
/// The byte that the character stands for, or nothing.
std::optional<uint8_t> byte_of(char32_t c);

/// Characters of private use that stand for the bytes 0-255 of a text that is not UTF-8 (escape_bytes).
inline constexpr char32_t kByteEscape = 0x10FF00;

/// `text` with its invalid bytes, and the bytes of these very characters, escaped. Nothing where it is valid UTF-8.
std::optional<std::string> escape_bytes(std::string_view text);
/// The inverse.
std::string unescape_bytes(std::string_view text);

}  // namespace hone
