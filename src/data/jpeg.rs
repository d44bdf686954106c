//! JPEG files: baseline and progressive; colour, grey and CMYK, all as RGB.

use std::panic::{AssertUnwindSafe, catch_unwind};

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::files::Checked;
use crate::error::{Error, Result, room_for};
use crate::fork::Mutex;
use crate::message::whole;

/// Pixels of an image. ImageNet's largest have 52 million.
const MOST_PIXELS: usize = 1 << 26;
/// Images of more pixels are decoded one at a time, as each takes up to a gigabyte of memory.
const LARGE: usize = 1 << 23;
/// Pixels for each byte of a file. A block of 64 pixels takes at least a bit, so that no real image
/// has more than 512.
const MOST_PIXELS_PER_BYTE: usize = 2000;
const LONGEST_SIDE: usize = 1 << 15;

/// A decoded image: interleaved RGB.
pub(super) struct Rgb {
    pub(super) bytes: Vec<u8>,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Why there is no image.
enum Fault {
    /// What is wrong with the file.
    Broken(String),
    /// There is no memory for it.
    Memory(Error),
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Fault::Broken(text)
    }
}

/// Decodes a file's bytes; what is wrong with them otherwise. `large` is held for a large image.
///
/// Errors: [`Error::OutOfMemory`].
pub(super) fn decode(file: &[u8], large: &Mutex<()>) -> Result<Checked<Rgb>> {
    if !file.starts_with(b"\xff\xd8") {
        return Ok(Err("found no JPEG".to_owned()));
    }
    if !is_complete(file) {
        return Ok(Err(format!("found a JPEG that is cut short at byte {}", file.len())));
    }
    // A decoder's bug must not end a search.
    let decode = AssertUnwindSafe(|| decode_rgb(file, large));
    match catch_unwind(decode) {
        Ok(Ok(rgb)) => Ok(Ok(rgb)),
        Ok(Err(Fault::Broken(problem))) => Ok(Err(problem)),
        Ok(Err(Fault::Memory(error))) => Err(error),
        Err(_) => Ok(Err("the decoder panicked".to_owned())),
    }
}

fn decode_rgb(file: &[u8], large: &Mutex<()>) -> std::result::Result<Rgb, Fault> {
    let options = DecoderOptions::default()
        .set_max_width(LONGEST_SIDE)
        .set_max_height(LONGEST_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(whole)?;
    let info = decoder.info().ok_or_else(|| "found no image".to_owned())?;
    let (height, width) = (usize::from(info.height), usize::from(info.width));
    if height * width == 0 || height * width > MOST_PIXELS {
        return Err(format!("found {width} x {height} pixels, expected 1 to {MOST_PIXELS}").into());
    }
    if height * width > MOST_PIXELS_PER_BYTE * file.len() {
        let len = file.len();
        return Err(format!("found {width} x {height} pixels in {len} bytes, no real image").into());
    }
    let _alone = (height * width > LARGE).then(|| large.lock());
    // The decoder's own memory cannot be asked for fallibly: ask for as much first. Coefficients of
    // up to four components, two bytes each, and the result.
    room_for(height * width * (4 * 2 + 3), || format!("a JPEG of {width} x {height} pixels"))
        .map_err(Fault::Memory)?;
    let bytes = decoder.decode().map_err(whole)?;
    if bytes.len() != 3 * height * width {
        return Err(format!("found an image of {} bytes, expected RGB", bytes.len()).into());
    }
    Ok(Rgb { bytes, height, width })
}

/// Whether the image data has an end. Decoders make up what is missing, in grey; Pillow refuses.
fn is_complete(file: &[u8]) -> bool {
    let mut at = 2;
    // Segments up to the first scan: a marker, then the length of the rest.
    while let Some(&[0xff, marker, high, low]) = file.get(at..).and_then(<[u8]>::first_chunk::<4>) {
        match marker {
            // A marker may be filled up with any number of 0xff.
            0xff => at += 1,
            // In scans 0xff is followed by 0 wherever it is data.
            0xda => return file[at..].windows(2).any(|pair| pair == b"\xff\xd9"),
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few bytes that claim to be a huge image, baseline and progressive.
    #[test]
    fn dimension_bombs_are_refused() {
        for (start_of_frame, height, width) in
            [(0xc0, 8192u16, 8192u16), (0xc2, 8192, 8192), (0xc0, 32767, 32767), (0xc2, 600, 600)]
        {
            let [h, w] = [height, width].map(u16::to_be_bytes);
            let mut file = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
            file.extend([1; 64]);
            file.extend([0xff, start_of_frame, 0, 11, 8, h[0], h[1], w[0], w[1], 1, 1, 0x11, 0]);
            file.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x55, 0xff, 0xd9]);
            let problem = decode(&file, &Mutex::new(())).expect("memory").err().expect("no image");
            assert!(problem.contains("pixels"), "{problem}");
        }
    }
}
