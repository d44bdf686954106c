//! Every call into libtorch: fallible, and counted.
//!
//! Kinds, devices and switches are always named, so that nothing depends on what else the host
//! process does with libtorch: its default kind, its random state, its TF32 switches.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Device, Kind, TchError};

use crate::error::{Error, Result};
use crate::message::whole;

/// A dense array on the device. Arrays may share memory, since their values do not change once they
/// are made. Two functions are exceptions, for arrays that share their memory with no other:
/// [`Backend::add_at`] and [`Backend::add_product_at`].
#[derive(Debug, Clone)]
pub(super) struct Array {
    tensor: Rc<tch::Tensor>,
    pub(super) shape: Vec<i64>,
    kind: Kind,
}

/// What was asked of the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations that start at least one kernel.
    pub launches: u64,
    /// Bytes that these read and write, each operand and result once.
    pub bytes: u64,
}

/// A device, and what was asked of it.
#[derive(Debug)]
pub(super) struct Backend {
    device: Device,
    launches: AtomicU64,
    bytes: AtomicU64,
    /// Largest array that tests allow.
    #[cfg(test)]
    allowed: AtomicU64,
}

/// Geometry of a convolution as libtorch takes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window2d {
    pub(super) kernel: [i64; 2],
    pub(super) stride: [i64; 2],
    pub(super) padding: [i64; 2],
    pub(super) dilation: [i64; 2],
}

pub(super) use Kind::{Double as F64, Float as F32, Uint8 as U8};

/// An error of libtorch by its first line; the rest is a stack of C++ frames.
fn failure(error: TchError) -> Error {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let lower = text.to_lowercase();
    // As the allocators of CUDA and of the CPU say it, and CUDA's libraries.
    let memory = ["out of memory", "can't allocate memory", "alloc_failed", "bad_alloc"];
    if memory.iter().any(|phrase| lower.contains(phrase)) {
        return Error::OutOfMemory(format!("libtorch: {}", whole(line)));
    }
    Error::Internal(format!("libtorch: {}", whole(line)))
}

fn bytes(shape: &[i64], kind: Kind) -> u64 {
    shape.iter().product::<i64>() as u64 * kind.elt_size_in_bytes() as u64
}

/// The shape that two arrays are broadcast to.
fn broadcast(a: &[i64], b: &[i64]) -> Vec<i64> {
    debug_assert_eq!(a.len(), b.len(), "{a:?} and {b:?}");
    a.iter().zip(b).map(|(x, y)| *x.max(y)).collect()
}

impl Array {
    fn bytes(&self) -> u64 {
        bytes(&self.shape, self.kind)
    }

    fn like(tensor: tch::Tensor, shape: &[i64], kind: Kind) -> Self {
        Array { tensor: Rc::new(tensor), shape: shape.to_vec(), kind }
    }

    /// Other axes for the same numbers; copies where their order in memory does not allow a view.
    pub(super) fn reshape(&self, shape: &[i64]) -> Result<Self> {
        Ok(Self::like(self.tensor.f_reshape(shape).map_err(failure)?, shape, self.kind))
    }

    pub(super) fn permute(&self, order: &[usize]) -> Result<Self> {
        let shape: Vec<i64> = order.iter().map(|d| self.shape[*d]).collect();
        let order: Vec<i64> = order.iter().map(|d| *d as i64).collect();
        Ok(Self::like(self.tensor.f_permute(order).map_err(failure)?, &shape, self.kind))
    }

    pub(super) fn narrow(&self, axis: usize, start: i64, length: i64) -> Result<Self> {
        let mut shape = self.shape.clone();
        shape[axis] = length;
        let tensor = self.tensor.f_narrow(axis as i64, start, length).map_err(failure)?;
        Ok(Self::like(tensor, &shape, self.kind))
    }

    /// Every `step`th element of an axis, `count` of them.
    pub(super) fn strided(&self, axis: usize, start: i64, count: i64, step: i64) -> Result<Self> {
        let mut shape = self.shape.clone();
        shape[axis] = count;
        let end = start + (count - 1) * step + 1;
        let tensor = self.tensor.f_slice(axis as i64, start, end, step).map_err(failure)?;
        Ok(Self::like(tensor, &shape, self.kind))
    }

    pub(super) fn expand(&self, shape: &[i64]) -> Result<Self> {
        Ok(Self::like(self.tensor.f_expand(shape, false).map_err(failure)?, shape, self.kind))
    }
}

impl Backend {
    pub(super) fn new(device: Device) -> Self {
        Backend {
            device,
            launches: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            #[cfg(test)]
            allowed: AtomicU64::new(u64::MAX),
        }
    }

    #[cfg(test)]
    pub(super) fn fail_beyond(&self, bytes: u64) {
        self.allowed.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            launches: self.launches.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// Notes one operation, and makes an array of its result.
    fn done(
        &self,
        read: &[&Array],
        result: std::result::Result<tch::Tensor, TchError>,
        shape: &[i64],
        kind: Kind,
    ) -> Result<Array> {
        #[cfg(test)]
        if bytes(shape, kind) > self.allowed.load(Ordering::Relaxed) {
            let message = "CUDA out of memory (a test says so)".to_owned();
            return Err(failure(TchError::Torch(message)));
        }
        let array = Array::like(result.map_err(failure)?, shape, kind);
        let bytes = read.iter().map(|a| a.bytes()).sum::<u64>() + array.bytes();
        self.launches.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(array)
    }

    pub(super) fn upload<T: tch::kind::Element>(
        &self,
        values: &[T],
        shape: &[i64],
    ) -> Result<Array> {
        let copy = || tch::Tensor::f_from_slice(values)?.f_to_device(self.device);
        let flat = [values.len() as i64];
        self.done(&[], copy(), &flat, T::KIND)?.reshape(shape)
    }

    /// The numbers, in order of the axes.
    pub(super) fn read<T: tch::kind::Element + Default + Clone>(
        &self,
        array: &Array,
    ) -> Result<Vec<T>> {
        let count = array.shape.iter().product::<i64>() as usize;
        let mut values = crate::error::try_vec(T::default(), count, "numbers of a tensor")?;
        let mut download = || {
            let host = array.tensor.f_contiguous()?.f_to_device(Device::Cpu)?;
            host.f_copy_data(&mut values, count)?;
            Ok(host)
        };
        self.done(&[array], download(), &array.shape, array.kind)?;
        Ok(values)
    }

    /// An array of unspecified content.
    fn empty(&self, shape: &[i64], kind: Kind) -> Result<tch::Tensor> {
        tch::Tensor::f_empty(shape, (kind, self.device)).map_err(failure)
    }

    pub(super) fn zeros(&self, shape: &[i64], kind: Kind) -> Result<Array> {
        self.done(&[], tch::Tensor::f_zeros(shape, (kind, self.device)), shape, kind)
    }

    /// A copy in order of the axes, of another kind if asked.
    pub(super) fn copy(&self, a: &Array, kind: Kind) -> Result<Array> {
        let mut copy = self.empty(&a.shape, kind)?;
        let result = copy.f_copy_(&a.tensor).map(|()| copy);
        self.done(&[a], result, &a.shape, kind)
    }

    pub(super) fn add(&self, a: &Array, b: &Array) -> Result<Array> {
        self.done(&[a, b], a.tensor.f_add(&b.tensor), &broadcast(&a.shape, &b.shape), a.kind)
    }

    pub(super) fn sub(&self, a: &Array, b: &Array) -> Result<Array> {
        self.done(&[a, b], a.tensor.f_sub(&b.tensor), &broadcast(&a.shape, &b.shape), a.kind)
    }

    pub(super) fn mul(&self, a: &Array, b: &Array) -> Result<Array> {
        self.done(&[a, b], a.tensor.f_mul(&b.tensor), &broadcast(&a.shape, &b.shape), a.kind)
    }

    pub(super) fn scale(&self, a: &Array, factor: f64) -> Result<Array> {
        self.done(&[a], a.tensor.f_mul_scalar(factor), &a.shape, a.kind)
    }

    /// a + b c.
    pub(super) fn multiply_add(&self, a: &Array, b: &Array, c: &Array) -> Result<Array> {
        let shape = broadcast(&a.shape, &broadcast(&b.shape, &c.shape));
        self.done(&[a, b, c], a.tensor.f_addcmul(&b.tensor, &c.tensor), &shape, a.kind)
    }

    /// Adds b c to a part of an array that nothing else shares: `part` is a view of it.
    pub(super) fn add_product_at(&self, part: &Array, b: &Array, c: &Array) -> Result<()> {
        let in_place = || -> std::result::Result<tch::Tensor, TchError> {
            // A view of the view, since tch asks for a mutable handle.
            part.tensor.f_narrow(0, 0, part.shape[0])?.f_addcmul_(&b.tensor, &c.tensor)
        };
        self.done(&[part, b, c], in_place(), &part.shape, part.kind)?;
        Ok(())
    }

    /// Adds b to a part of an array that nothing else shares: `part` is a view of it.
    pub(super) fn add_at(&self, part: &Array, b: &Array) -> Result<()> {
        let in_place = || part.tensor.f_narrow(0, 0, part.shape[0])?.f_add_(&b.tensor);
        self.done(&[part, b], in_place(), &part.shape, part.kind)?;
        Ok(())
    }

    /// 1 / sqrt(a + epsilon).
    pub(super) fn inverse_root(&self, a: &Array, epsilon: f64) -> Result<Array> {
        let shifted = self.done(&[a], a.tensor.f_add_scalar(epsilon), &a.shape, a.kind)?;
        self.done(&[&shifted], shifted.tensor.f_rsqrt(), &a.shape, a.kind)
    }

    /// Sum over axes, which stay with length 1, in `kind`.
    pub(super) fn sum(&self, a: &Array, axes: &[i64], kind: Kind) -> Result<Array> {
        let mut shape = a.shape.clone();
        axes.iter().for_each(|d| shape[*d as usize] = 1);
        self.done(&[a], a.tensor.f_sum_dim_intlist(axes, true, kind), &shape, kind)
    }

    /// Axes the other way round.
    pub(super) fn flip(&self, a: &Array, axes: &[i64]) -> Result<Array> {
        self.done(&[a], a.tensor.f_flip(axes), &a.shape, a.kind)
    }

    pub(super) fn relu(&self, a: &Array) -> Result<Array> {
        self.done(&[a], a.tensor.f_relu(), &a.shape, a.kind)
    }

    /// factor a + term.
    pub(super) fn affine(&self, a: &Array, factor: f64, term: f64) -> Result<Array> {
        let scaled = self.scale(a, factor)?;
        self.done(&[&scaled], scaled.tensor.f_add_scalar(term), &a.shape, a.kind)
    }

    /// max(low, min(a, high)).
    pub(super) fn clamp(&self, a: &Array, low: f64, high: f64) -> Result<Array> {
        self.done(&[a], a.tensor.f_clamp(low, high), &a.shape, a.kind)
    }

    /// 1 / (1 + e^-a).
    pub(super) fn sigmoid(&self, a: &Array) -> Result<Array> {
        self.done(&[a], a.tensor.f_sigmoid(), &a.shape, a.kind)
    }

    /// These places of an axis, in this order.
    pub(super) fn select(&self, a: &Array, axis: usize, places: &[i64]) -> Result<Array> {
        let mut shape = a.shape.clone();
        shape[axis] = places.len() as i64;
        let places = self.upload(places, &[places.len() as i64])?;
        let result = a.tensor.f_index_select(axis as i64, &places.tensor);
        self.done(&[a, &places], result, &shape, a.kind)
    }

    /// Minus infinity around height and width, `[before, after]` of each; negative ones cut.
    pub(super) fn pad_least(&self, a: &Array, height: [i64; 2], width: [i64; 2]) -> Result<Array> {
        let mut shape = a.shape.clone();
        let last = shape.len() - 1;
        shape[last - 1] += height[0] + height[1];
        shape[last] += width[0] + width[1];
        let amounts = [width[0], width[1], height[0], height[1]];
        let result = a.tensor.f_pad(amounts, "constant", f64::NEG_INFINITY);
        self.done(&[a], result, &shape, a.kind)
    }

    /// 1 where a > 0, else 0, in `kind`.
    pub(super) fn positive(&self, a: &Array, kind: Kind) -> Result<Array> {
        let on = a.tensor.f_gt(0.0);
        let on = self.done(&[a], on, &a.shape, Kind::Bool)?;
        self.copy(&on, kind)
    }

    /// 1 where a = b, else 0.
    pub(super) fn equal(&self, a: &Array, b: &Array) -> Result<Array> {
        let shape = broadcast(&a.shape, &b.shape);
        let same = self.done(&[a, b], a.tensor.f_eq_tensor(&b.tensor), &shape, Kind::Bool)?;
        self.copy(&same, F32)
    }

    pub(super) fn concat(&self, arrays: &[&Array], axis: usize) -> Result<Array> {
        let mut shape = arrays[0].shape.clone();
        shape[axis] = arrays.iter().map(|a| a.shape[axis]).sum();
        let tensors: Vec<&tch::Tensor> = arrays.iter().map(|a| a.tensor.as_ref()).collect();
        let result = tch::Tensor::f_cat(&tensors, axis as i64);
        self.done(arrays, result, &shape, arrays[0].kind)
    }

    /// Zeros around height and width, `[before, after]` of each; negative ones cut.
    pub(super) fn pad(&self, a: &Array, height: [i64; 2], width: [i64; 2]) -> Result<Array> {
        let mut shape = a.shape.clone();
        let last = shape.len() - 1;
        shape[last - 1] += height[0] + height[1];
        shape[last] += width[0] + width[1];
        let amounts = [width[0], width[1], height[0], height[1]];
        self.done(&[a], a.tensor.f_constant_pad_nd(amounts), &shape, a.kind)
    }

    /// `[b, m, k]` times `[b, k, n]`. In f64, which no TF32 switch touches.
    pub(super) fn product(&self, a: &Array, b: &Array) -> Result<Array> {
        debug_assert_eq!((a.kind, b.kind), (F64, F64), "a product that TF32 may round");
        let shape = [a.shape[0], a.shape[1], b.shape[2]];
        self.done(&[a, b], a.tensor.f_bmm(&b.tensor), &shape, F64)
    }

    /// Columns of windows with a row of ones below, f64: `[N, C, H, W]` to
    /// `[batch, N C k k / batch + 1, places]`. A view and one copy: libtorch's own columns start a
    /// kernel an image on a GPU.
    pub(super) fn windows(
        &self,
        a: &Array,
        w: &Window2d,
        batch: i64,
        [height, width]: [i64; 2],
    ) -> Result<Array> {
        let [top, left] = w.padding;
        let padded = match w.padding {
            [0, 0] => a.clone(),
            _ => self.pad(a, [top, top], [left, left])?,
        };
        let [n, c, rows, columns] = padded.shape[..] else {
            return Err(Error::Internal("images have four axes".into()));
        };
        let [tall, wide] = w.kernel;
        let (channels, taps, places) = (n * c / batch, tall * wide, height * width);
        let size = [batch, channels, tall, wide, height, width];
        let plane = rows * columns;
        let (down, right) = (w.dilation[0] * columns, w.dilation[1]);
        let stride = [channels * plane, plane, down, right, w.stride[0] * columns, w.stride[1]];
        let shape = [batch, channels * taps + 1, places];
        let all = self.empty(&shape, F64)?;
        let fill = || -> std::result::Result<tch::Tensor, TchError> {
            let windows = padded.tensor.f_contiguous()?.f_as_strided(size, stride, None)?;
            all.f_narrow(1, 0, channels * taps)?.f_view(size)?.f_copy_(&windows)?;
            Ok(all.shallow_clone())
        };
        self.done(&[&padded], fill(), &shape, F64)?;
        let ones = || all.f_narrow(1, channels * taps, 1)?.f_fill_(1.0);
        self.done(&[], ones(), &[batch, 1, places], F64)?;
        Ok(Array::like(all, &shape, F64))
    }

    /// Convolution, or its transpose with `output_padding`.
    pub(super) fn convolution(
        &self,
        a: &Array,
        weight: &Array,
        w: &Window2d,
        transposed: Option<[i64; 2]>,
        groups: i64,
        shape: &[i64],
    ) -> Result<Array> {
        // No benchmark, which picks by time; deterministic; no TF32.
        let (benchmark, deterministic, cudnn, tf32) = (false, true, true, false);
        let result = a.tensor.f_internal_convolution(
            &weight.tensor,
            None::<&tch::Tensor>,
            w.stride,
            w.padding,
            w.dilation,
            transposed.is_some(),
            transposed.unwrap_or([0, 0]),
            groups,
            benchmark,
            deterministic,
            cudnn,
            tf32,
        );
        self.done(&[a, weight], result, shape, F32)
    }

    /// Average pooling; padding is not counted.
    pub(super) fn avg_pool(&self, a: &Array, w: &Window2d, shape: &[i64]) -> Result<Array> {
        let (kernel, stride, padding) = (w.kernel, w.stride, w.padding);
        let result = a.tensor.f_avg_pool2d(kernel, stride, padding, false, false, None::<i64>);
        self.done(&[a], result, shape, F32)
    }

    pub(super) fn avg_pool_adjoint(
        &self,
        dy: &Array,
        w: &Window2d,
        shape: &[i64],
    ) -> Result<Array> {
        let (kernel, stride, padding) = (w.kernel, w.stride, w.padding);
        // Only its shape is read.
        let x = self.empty(shape, F32)?;
        let result =
            x.f_avg_pool2d_backward(&dy.tensor, kernel, stride, padding, false, false, None::<i64>);
        self.done(&[dy], result, shape, F32)
    }

    /// Maxima, and the place of the first in its plane.
    pub(super) fn max_pool(
        &self,
        a: &Array,
        w: &Window2d,
        shape: &[i64],
    ) -> Result<(Array, Array)> {
        let (kernel, stride, padding) = (w.kernel, w.stride, w.padding);
        let result = a.tensor.f_max_pool2d_with_indices(kernel, stride, padding, [1, 1], false);
        let (maxima, places) = result.map_err(failure)?;
        Ok((self.done(&[a], Ok(maxima), shape, F32)?, Array::like(places, shape, Kind::Int64)))
    }
}
