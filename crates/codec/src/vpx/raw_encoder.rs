//! One libvpx encoder of VP8, safe to hold: one size, 1 to 3 temporal layers.
//!
//! The base layer lives in the reference buffer "last", the middle one in "golden". Only base frames carry their probabilities on to
//! later ones, or whoever does not get the higher layers could not read the rest. libvpx's own "multi-resolution" mode, which hands
//! motion from a smaller layer to the next, is left alone: it encodes all sizes in one call and cannot switch one off.

use super::done;
use super::sys::{
    VP8_EFLAG_NO_REF_ARF, VP8_EFLAG_NO_REF_GF, VP8_EFLAG_NO_UPD_ARF, VP8_EFLAG_NO_UPD_ENTROPY,
    VP8_EFLAG_NO_UPD_GF, VP8_EFLAG_NO_UPD_LAST, VP8E_SET_CPUUSED, VP8E_SET_MAX_INTRA_BITRATE_PCT,
    VP8E_SET_NOISE_SENSITIVITY, VP8E_SET_SCREEN_CONTENT_MODE, VP8E_SET_STATIC_THRESHOLD,
    VP8E_SET_TEMPORAL_LAYER_ID, VP8E_SET_TOKEN_PARTITIONS, VPX_CBR, VPX_CODEC_CX_FRAME_PKT,
    VPX_DL_REALTIME, VPX_EFLAG_FORCE_KF, VPX_ENCODER_ABI_VERSION, VPX_ERROR_RESILIENT_DEFAULT,
    VPX_FRAME_IS_KEY, VPX_IMG_FMT_I420, VPX_KF_DISABLED, VPX_RC_ONE_PASS, vp8e_enc_control_id,
    vpx_codec_control_, vpx_codec_ctx, vpx_codec_destroy, vpx_codec_enc_cfg,
    vpx_codec_enc_config_default, vpx_codec_enc_config_set, vpx_codec_enc_init_ver,
    vpx_codec_encode, vpx_codec_get_cx_data, vpx_codec_vp8_cx, vpx_image_t, vpx_rational,
};
use crate::temporal::{Buffer, Buffers, Order, OrderedEncoder, Pattern, RawFrame, shares};
use crate::{CodecError, LayerConfig};
use confab_base::Bitrate;
use confab_picture::I420;
use std::ffi::{c_int, c_long, c_uint, c_ulong};
use std::mem::MaybeUninit;
use std::ptr;
/// Rates libvpx is told, in kbps; it knows no finer ones.
const RATES: std::ops::RangeInclusive<u64> = 10..=200_000;
/// Speed of layers up to 640 x 360 and of larger ones; the same for every picture, as a positive number would let libvpx's own
/// measurement of the CPU choose. -10 costs a sixth less than -8 and 0.1 (a talking head) to 0.7 dB (a film), -12 up to 1.3 dB.
const CPU_USED: [c_int; 2] = [-8, -10];
/// How full of bits the receiver's buffer is, in ms of the rate: at the start, as it should be, at most.
const BUFFER_MS: [c_uint; 3] = [500, 600, 1000];
/// Below this fill of it, in percent, frames are left out.
const DROP_BELOW: c_uint = 30;
/// An initialised libvpx encoder. Pictures must have its size.
pub struct RawEncoder {
    /// Boxed, so that it stays where the library saw it first.
    context: Box<vpx_codec_ctx>,
    config: vpx_codec_enc_cfg,
    /// Presentation time of the last picture, in microseconds.
    time: i64,
}

// SAFETY: the instance is owned alone, has no thread affinity and keeps no thread-local state; with one thread configured it starts
// none. The pointers in `config` are null: one pass has no statistics. `&mut self` on every method that calls it rules out
// concurrent use.
unsafe impl Send for RawEncoder {}

impl std::fmt::Debug for RawEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (width, height) = self.size();
        write!(f, "RawEncoder({width}x{height})")
    }
}

impl OrderedEncoder for RawEncoder {
    fn new(layer: &LayerConfig, pattern: &Pattern, screen: bool) -> Result<RawEncoder, CodecError> {
        let mut config = defaults()?;
        parameters(&mut config, layer, pattern);
        let mut context = Box::<vpx_codec_ctx>::default();
        // SAFETY: the context is zeroed as a new one has to be; the configuration comes from the same library and is copied. The
        // version is that of the headers the bindings were made of: another library refuses instead of misreading them.
        done(unsafe {
            vpx_codec_enc_init_ver(
                &mut *context,
                vpx_codec_vp8_cx(),
                &config,
                0,
                VPX_ENCODER_ABI_VERSION as c_int,
            )
        })?;
        let mut this = RawEncoder {
            context,
            config,
            time: 0,
        };
        this.tune(layer, screen)?;
        Ok(this)
    }

    fn size(&self) -> (usize, usize) {
        (self.config.g_w as usize, self.config.g_h as usize)
    }

    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        share_out(&mut self.config, bitrate);
        // SAFETY: the encoder is initialised; the configuration is the one it was made with but for its rates, and is copied.
        done(unsafe { vpx_codec_enc_config_set(&mut *self.context, &self.config) })
    }

    fn encode(&mut self, picture: &I420, order: Order) -> Result<Option<RawFrame>, CodecError> {
        if picture.size() != self.size() {
            return Err(CodecError::BadInput);
        }
        if self.config.ts_number_layers > 1 {
            self.control(
                VP8E_SET_TEMPORAL_LAYER_ID,
                c_int::from(order.place.temporal),
            )?;
        }
        let passed = (order.passed.as_micros() as i64).max(1);
        self.time += passed;
        let forced = if order.keyframe {
            VPX_EFLAG_FORCE_KF
        } else {
            0
        };
        let image = image(picture);
        // SAFETY: the encoder is initialised for this size; `I420` guarantees planes of exactly these sizes and tight strides; the
        // library copies them before it returns and only reads them (the pointers are mutable in the C interface alone).
        done(unsafe {
            vpx_codec_encode(
                &mut *self.context,
                &image,
                self.time,
                passed as c_ulong,
                c_long::from((flags(order.place.buffers) | forced) as i32),
                c_ulong::from(VPX_DL_REALTIME),
            )
        })?;
        Ok(self.collect())
    }
}

impl RawEncoder {
    /// Copies what the library wrote into its own buffers.
    fn collect(&mut self) -> Option<RawFrame> {
        let mut frame: Option<RawFrame> = None;
        let mut place = ptr::null();
        loop {
            // SAFETY: the encoder is initialised; `place` began as null and is the library's own since. What it points to stays until
            // the next call.
            let packet = unsafe { vpx_codec_get_cx_data(&mut *self.context, &mut place).as_ref() };
            let Some(packet) = packet else { return frame };
            if packet.kind != VPX_CODEC_CX_FRAME_PKT {
                continue;
            }
            // SAFETY: of this kind, it is this member of the union that the library filled.
            let part = unsafe { &packet.data.frame };
            if part.buf.is_null() || part.sz == 0 {
                continue;
            }
            // SAFETY: `sz` bytes lie there until the next call.
            let bytes = unsafe { std::slice::from_raw_parts(part.buf.cast::<u8>(), part.sz) };
            let frame = frame.get_or_insert_with(|| RawFrame {
                keyframe: part.flags & VPX_FRAME_IS_KEY != 0,
                data: Vec::with_capacity(bytes.len()),
            });
            frame.data.extend_from_slice(bytes);
        }
    }

    fn tune(&mut self, layer: &LayerConfig, screen: bool) -> Result<(), CodecError> {
        let is_large = layer.width * layer.height > 640 * 360;
        self.control(VP8E_SET_CPUUSED, CPU_USED[usize::from(is_large)])?;
        self.control(VP8E_SET_NOISE_SENSITIVITY, 0)?;
        self.control(VP8E_SET_TOKEN_PARTITIONS, 0)?; // one: nobody decodes it with several threads
        self.control(VP8E_SET_STATIC_THRESHOLD, 1)?; // what did not change at all costs nothing
        self.control(VP8E_SET_SCREEN_CONTENT_MODE, c_int::from(screen))?;
        // A key frame may take half of what the buffer should hold, in percent of a frame's share.
        let share = BUFFER_MS[1] as c_int * layer.max_fps as c_int / 20;
        self.control(VP8E_SET_MAX_INTRA_BITRATE_PCT, share.max(300))
    }

    fn control(&mut self, id: vp8e_enc_control_id, value: c_int) -> Result<(), CodecError> {
        // SAFETY: private; vp8cx.h gives each of the numbers used above an int or an unsigned int, which travel alike.
        done(unsafe { vpx_codec_control_(&mut *self.context, id as c_int, value) })
    }
}

impl Drop for RawEncoder {
    fn drop(&mut self) {
        // SAFETY: initialised once by the same library, destroyed once, not used after. The result only says whether it was.
        unsafe { vpx_codec_destroy(&mut *self.context) };
    }
}

/// The library's own settings for VP8.
fn defaults() -> Result<vpx_codec_enc_cfg, CodecError> {
    let mut config = MaybeUninit::<vpx_codec_enc_cfg>::zeroed();
    // SAFETY: the library fills the structure it is given, which is valid for the call.
    done(unsafe { vpx_codec_enc_config_default(vpx_codec_vp8_cx(), config.as_mut_ptr(), 0) })?;
    // SAFETY: zeroed before, where every member is valid, and filled since.
    Ok(unsafe { config.assume_init() })
}

fn parameters(config: &mut vpx_codec_enc_cfg, layer: &LayerConfig, pattern: &Pattern) {
    config.g_w = layer.width as c_uint;
    config.g_h = layer.height as c_uint;
    config.g_threads = 1;
    // Microseconds: the rate control learns the frame rate from the times between pictures.
    config.g_timebase = vpx_rational {
        num: 1,
        den: 1_000_000,
    };
    config.g_pass = VPX_RC_ONE_PASS;
    config.g_lag_in_frames = 0;
    config.rc_end_usage = VPX_CBR;
    config.rc_dropframe_thresh = DROP_BELOW;
    config.rc_resize_allowed = 0;
    config.rc_min_quantizer = 2;
    config.rc_max_quantizer = 56; // what is coarser shows blocks rather than a picture; frames are left out first
    config.rc_undershoot_pct = 100;
    config.rc_overshoot_pct = 15;
    [
        config.rc_buf_initial_sz,
        config.rc_buf_optimal_sz,
        config.rc_buf_sz,
    ] = BUFFER_MS;
    config.kf_mode = VPX_KF_DISABLED; // on demand only
    temporal(config, pattern);
    share_out(config, layer.bitrate);
}

fn temporal(config: &mut vpx_codec_enc_cfg, pattern: &Pattern) {
    let round: Vec<u8> = pattern.layers().collect();
    let layers = pattern.count();
    config.ts_number_layers = layers.into();
    config.ts_periodicity = round.len() as c_uint;
    for (slot, &layer) in config.ts_layer_id.iter_mut().zip(&round) {
        *slot = layer.into();
    }
    for (n, slot) in (0..layers).zip(config.ts_rate_decimator.iter_mut()) {
        *slot = 1 << (layers - 1 - n);
    }
    if layers > 1 {
        config.g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
    }
}

fn share_out(config: &mut vpx_codec_enc_cfg, bitrate: Bitrate) {
    let kbps = (bitrate.bps() / 1000).clamp(*RATES.start(), *RATES.end());
    config.rc_target_bitrate = kbps as c_uint;
    let shares = shares(config.ts_number_layers as u8);
    for (slot, share) in config.ts_target_bitrate.iter_mut().zip(shares) {
        *slot = (kbps * share / 100) as c_uint;
    }
}

/// libvpx's flags, which are for what a frame leaves alone.
fn flags(buffers: Option<Buffers>) -> u32 {
    let Some(buffers) = buffers else { return 0 };
    let golden = if buffers.reads_middle {
        0
    } else {
        VP8_EFLAG_NO_REF_GF
    };
    let kept = match buffers.writes {
        Some(Buffer::Base) => VP8_EFLAG_NO_UPD_GF,
        Some(Buffer::Middle) => VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_ENTROPY,
        None => VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ENTROPY,
    };
    VP8_EFLAG_NO_REF_ARF | VP8_EFLAG_NO_UPD_ARF | golden | kept
}

/// A description of the picture that points into it.
pub(super) fn image(picture: &I420) -> vpx_image_t {
    let (width, height) = (picture.width() as c_uint, picture.height() as c_uint);
    let planes = [picture.y(), picture.u(), picture.v()].map(|p| p.as_ptr().cast_mut());
    vpx_image_t {
        fmt: VPX_IMG_FMT_I420,
        w: width,
        h: height,
        bit_depth: 8,
        d_w: width,
        d_h: height,
        x_chroma_shift: 1,
        y_chroma_shift: 1,
        bps: 12,
        planes: [planes[0], planes[1], planes[2], ptr::null_mut()],
        stride: [
            width as c_int,
            (width / 2) as c_int,
            (width / 2) as c_int,
            0,
        ],
        ..vpx_image_t::default()
    }
}
