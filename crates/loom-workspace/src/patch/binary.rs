//! Binary content as git writes it into patches: zlib, then base 85, 52 bytes a line.
//!
//! The content is stored, not compressed: patches are for people and for `git apply`, and a
//! compressor of its own would be a dependency for nothing but their size.

/// git's digits.
const DIGITS: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// Bytes in one line; its length is the first character, `A` to `Z` for 1 to 26, `a` on for more.
const LINE: usize = 52;

/// Largest stored block of the deflate format.
const BLOCK: usize = 0xffff;

/// Writes content as one `literal` with the empty line after it.
pub(super) fn write_literal(text: &mut String, content: &[u8]) {
    text.push_str(&format!("literal {}\n", content.len()));
    for line in zlib(content).chunks(LINE) {
        let length = u8::try_from(line.len()).expect("BUG: a line is short");
        text.push(char::from(match length {
            1..=26 => b'A' + length - 1,
            _ => b'a' + length - 27,
        }));
        for group in line.chunks(4) {
            let mut bytes = [0; 4];
            bytes[..group.len()].copy_from_slice(group);
            push_digits(text, u32::from_be_bytes(bytes));
        }
        text.push('\n');
    }
    text.push('\n');
}

fn push_digits(text: &mut String, mut value: u32) {
    let mut digits = [0; 5];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(value % 85) as usize];
        value /= 85;
    }
    text.extend(digits.map(char::from));
}

/// A zlib stream of stored blocks.
fn zlib(content: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = content.len().div_ceil(BLOCK).max(1);
    for at in 0..blocks {
        let block = &content[at * BLOCK..content.len().min((at + 1) * BLOCK)];
        let length = u16::try_from(block.len()).expect("BUG: a block is short");
        stream.push(u8::from(at + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(content).to_be_bytes());
    stream
}

fn adler32(content: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut a, mut b) = (1u32, 0u32);
    for byte in content {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    b << 16 | a
}
