//! JPEG files: baseline and progressive; colour, grey and CMYK, all as RGB.

use std::panic::catch_unwind;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Pixels of an image. ImageNet's largest have 52 million.
const MOST_PIXELS: usize = 1 << 27;
const LONGEST_SIDE: usize = 1 << 15;

/// A decoded image: interleaved RGB.
pub(super) struct Rgb {
    pub(super) bytes: Vec<u8>,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Decodes a file's bytes; what is wrong with them otherwise.
pub(super) fn decode(file: &[u8]) -> Result<Rgb, String> {
    if !file.starts_with(b"\xff\xd8") {
        return Err("found no JPEG".to_owned());
    }
    if !is_complete(file) {
        return Err(format!("found a JPEG that is cut short at byte {}", file.len()));
    }
    // A decoder's bug must not end a search.
    catch_unwind(|| decode_rgb(file)).unwrap_or_else(|_| Err("the decoder panicked".to_owned()))
}

fn decode_rgb(file: &[u8]) -> Result<Rgb, String> {
    let options = DecoderOptions::default()
        .set_max_width(LONGEST_SIDE)
        .set_max_height(LONGEST_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let info = decoder.info().ok_or("found no image")?;
    let (height, width) = (usize::from(info.height), usize::from(info.width));
    if height * width == 0 || height * width > MOST_PIXELS {
        return Err(format!("found {width} x {height} pixels, expected 1 to {MOST_PIXELS}"));
    }
    let bytes = decoder.decode().map_err(|error| error.to_string())?;
    if bytes.len() != 3 * height * width {
        return Err(format!("found an image of {} bytes, expected RGB", bytes.len()));
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
