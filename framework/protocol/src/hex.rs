//! Hexadecimal digits, for names that contain a hash.

/// Returns bytes as lower-case hexadecimal digits.
///
/// ```
/// assert_eq!(cni_protocol::hex(&[0x0c, 0x1f]), "0c1f");
/// ```
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
