// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of TFRecord files. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace hone {

uint32_t crc32c(std::string_view bytes);

/// The form that TFRecord stores: rotated and shifted, so that a checksum of bytes that hold checksums stays sound.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace hone
