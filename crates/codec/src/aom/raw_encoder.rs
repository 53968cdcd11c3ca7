//! One libaom encoder of AV1 in real time, safe to hold: one size, 1 to 3 temporal layers.
//!
//! Of AV1's eight buffers the base layer has the first and the middle one the second. With one layer libaom uses them as it likes.

use super::done;
use super::sys::{
    AOM_CBR, AOM_CODEC_CX_FRAME_PKT, AOM_CONTENT_DEFAULT, AOM_CONTENT_SCREEN, AOM_EFLAG_FORCE_KF,
    AOM_ENCODER_ABI_VERSION, AOM_FRAME_IS_KEY, AOM_IMG_FMT_I420, AOM_KF_DISABLED, AOM_RC_ONE_PASS,
    AOM_USAGE_REALTIME, AOME_SET_CPUUSED, AOME_SET_MAX_INTRA_BITRATE_PCT, AV1E_SET_AQ_MODE,
    AV1E_SET_COEFF_COST_UPD_FREQ, AV1E_SET_COLOR_PRIMARIES, AV1E_SET_DELTAQ_MODE,
    AV1E_SET_ENABLE_CDEF, AV1E_SET_ENABLE_GLOBAL_MOTION, AV1E_SET_ENABLE_OBMC,
    AV1E_SET_ENABLE_ORDER_HINT, AV1E_SET_ENABLE_PALETTE, AV1E_SET_ENABLE_TPL_MODEL,
    AV1E_SET_ENABLE_WARPED_MOTION, AV1E_SET_MATRIX_COEFFICIENTS, AV1E_SET_MODE_COST_UPD_FREQ,
    AV1E_SET_MV_COST_UPD_FREQ, AV1E_SET_SVC_LAYER_ID, AV1E_SET_SVC_PARAMS,
    AV1E_SET_SVC_REF_FRAME_CONFIG, AV1E_SET_TRANSFER_CHARACTERISTICS, AV1E_SET_TUNE_CONTENT,
    aom_codec_av1_cx, aom_codec_control, aom_codec_ctx, aom_codec_destroy, aom_codec_enc_cfg,
    aom_codec_enc_config_default, aom_codec_enc_config_set, aom_codec_enc_init_ver,
    aom_codec_encode, aom_codec_get_cx_data, aom_image_t, aom_rational, aom_svc_layer_id,
    aom_svc_params, aom_svc_ref_frame_config,
};
use crate::temporal::{Buffer, Buffers, Order, OrderedEncoder, Pattern, RawFrame, shares};
use crate::{CodecError, LayerConfig};
use confab_base::Bitrate;
use confab_picture::I420;
use std::ffi::{c_int, c_uint, c_ulong};
use std::mem::MaybeUninit;
use std::ptr;

/// Rates libaom is told, in kbps; it knows no finer ones.
const RATES: std::ops::RangeInclusive<u64> = 10..=200_000;
/// Speed of cameras' layers up to 640 x 360, and of larger ones and screens. At 9 small pictures of cameras show blocks of the picture
/// before where something small appeared, at 7 and 8 screens do (adr/0016).
const CPU_USED: [c_int; 2] = [8, 9];
/// How full of bits the receiver's buffer is, in ms of the rate: at the start, as it should be, at most.
const BUFFER_MS: [c_uint; 3] = [500, 600, 1000];
/// Below this fill of it, in percent, frames are left out.
const DROP_BELOW: c_uint = 30;
/// Quantisers, 0 the finest, 63 the coarsest. What is coarser shows blocks rather than a picture; frames are left out first.
const QUANTIZERS: [c_uint; 2] = [2, 56];
/// What a unit begins with in a file: nobody sends it (a temporal delimiter, with its size of zero).
const DELIMITER: [u8; 2] = [0x12, 0];
/// BT.601 in all three of primaries, transfer and matrix (ITU-T H.273).
const BT_601: c_int = 6;

/// An initialised libaom encoder. Pictures must have its size.
pub struct AomEncoder {
    /// Boxed, so that it stays where the library saw it first.
    context: Box<aom_codec_ctx>,
    config: aom_codec_enc_cfg,
    /// 1 to 3.
    temporal_layers: u8,
    /// Presentation time of the last picture, in microseconds.
    time: i64,
}

// SAFETY: the instance is owned alone, has no thread affinity and keeps no thread-local state; with one thread configured it starts
// none. The pointers in `config` are null: one pass has no statistics. `&mut self` on every method that calls it rules out
// concurrent use.
unsafe impl Send for AomEncoder {}

impl std::fmt::Debug for AomEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AomEncoder({}x{})", self.config.g_w, self.config.g_h)
    }
}

impl OrderedEncoder for AomEncoder {
    fn new(layer: &LayerConfig, pattern: &Pattern, screen: bool) -> Result<Self, CodecError> {
        let mut config = defaults()?;
        parameters(&mut config, layer);
        let mut context = Box::<aom_codec_ctx>::default();
        // SAFETY: the context is zeroed as a new one has to be; the configuration comes from the same library and is copied. The
        // version is that of the headers the bindings were made of: another library refuses instead of misreading them.
        done(unsafe {
            aom_codec_enc_init_ver(
                &mut *context,
                aom_codec_av1_cx(),
                &config,
                0,
                AOM_ENCODER_ABI_VERSION as c_int,
            )
        })?;
        let mut this = AomEncoder {
            context,
            config,
            temporal_layers: pattern.count(),
            time: 0,
        };
        this.tune(layer, screen)?;
        this.share_out()?;
        Ok(this)
    }

    fn size(&self) -> (usize, usize) {
        (self.config.g_w as usize, self.config.g_h as usize)
    }

    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        self.config.rc_target_bitrate = kbps(bitrate);
        // SAFETY: the encoder is initialised; the configuration is the one it was made with but for its rate, and is copied.
        done(unsafe { aom_codec_enc_config_set(&mut *self.context, &self.config) })?;
        self.share_out()
    }

    fn encode(&mut self, picture: &I420, order: Order) -> Result<Option<RawFrame>, CodecError> {
        if picture.size() != self.size() {
            return Err(CodecError::BadInput);
        }
        if self.temporal_layers > 1 {
            self.place(order.place.temporal, order.place.buffers)?;
        }
        let passed = (order.passed.as_micros() as i64).max(1);
        self.time += passed;
        let flags = if order.keyframe {
            AOM_EFLAG_FORCE_KF as i64
        } else {
            0
        };
        let image = image(picture);
        // SAFETY: the encoder is initialised for this size; `I420` guarantees planes of exactly these sizes and tight strides; the
        // library copies them before it returns and only reads them (the pointers are mutable in the C interface alone).
        done(unsafe {
            aom_codec_encode(
                &mut *self.context,
                &image,
                self.time,
                passed as c_ulong,
                flags,
            )
        })?;
        Ok(self.collect())
    }
}

impl AomEncoder {
    /// Copies what the library wrote into its own buffers.
    fn collect(&mut self) -> Option<RawFrame> {
        let mut frame: Option<RawFrame> = None;
        let mut place = ptr::null();
        loop {
            // SAFETY: the encoder is initialised; `place` began as null and is the library's own since. What it points to stays until
            // the next call.
            let packet = unsafe { aom_codec_get_cx_data(&mut *self.context, &mut place).as_ref() };
            let Some(packet) = packet else { return frame };
            if packet.kind != AOM_CODEC_CX_FRAME_PKT {
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
                keyframe: part.flags & AOM_FRAME_IS_KEY != 0,
                data: Vec::with_capacity(bytes.len()),
            });
            let bytes = bytes.strip_prefix(&DELIMITER).unwrap_or(bytes);
            frame.data.extend_from_slice(bytes);
        }
    }

    /// Tells the library which temporal layer the next frame is of, and what it reads and writes.
    fn place(&mut self, temporal: u8, buffers: Option<Buffers>) -> Result<(), CodecError> {
        let mut layer = aom_svc_layer_id {
            spatial_layer_id: 0,
            temporal_layer_id: temporal.into(),
        };
        // SAFETY: aomcx.h gives this number a pointer to that structure, which is copied during the call.
        unsafe { self.tell(AV1E_SET_SVC_LAYER_ID, &mut layer) }?;
        let mut references = references(buffers);
        // SAFETY: as above.
        unsafe { self.tell(AV1E_SET_SVC_REF_FRAME_CONFIG, &mut references) }
    }

    /// Shares the rate out between the temporal layers.
    fn share_out(&mut self) -> Result<(), CodecError> {
        let layers = self.temporal_layers;
        if layers == 1 {
            return Ok(());
        }
        let mut params = aom_svc_params {
            number_spatial_layers: 1,
            number_temporal_layers: layers.into(),
            ..aom_svc_params::default()
        };
        params.scaling_factor_num[0] = 1;
        params.scaling_factor_den[0] = 1;
        let rate = u64::from(self.config.rc_target_bitrate);
        for (n, share) in shares(layers).iter().enumerate() {
            params.min_quantizers[n] = QUANTIZERS[0] as c_int;
            params.max_quantizers[n] = QUANTIZERS[1] as c_int;
            params.layer_target_bitrate[n] = (rate * share / 100) as c_int;
            params.framerate_factor[n] = 1 << (usize::from(layers) - 1 - n);
        }
        // SAFETY: aomcx.h gives this number a pointer to that structure, which is copied during the call.
        unsafe { self.tell(AV1E_SET_SVC_PARAMS, &mut params) }
    }

    fn tune(&mut self, layer: &LayerConfig, screen: bool) -> Result<(), CodecError> {
        let is_fast = screen || layer.width * layer.height > 640 * 360;
        let content = if screen {
            AOM_CONTENT_SCREEN
        } else {
            AOM_CONTENT_DEFAULT
        };
        // A key frame may take half of what the buffer should hold, in percent of a frame's share.
        let share = BUFFER_MS[1] as c_int * layer.max_fps as c_int / 20;
        for (id, value) in [
            (AOME_SET_CPUUSED, CPU_USED[usize::from(is_fast)]),
            (AOME_SET_MAX_INTRA_BITRATE_PCT, share.max(300)),
            (AV1E_SET_TUNE_CONTENT, content as c_int),
            (AV1E_SET_ENABLE_PALETTE, c_int::from(screen)),
            (AV1E_SET_AQ_MODE, 3), // what changes little gets finer bit by bit
            (AV1E_SET_DELTAQ_MODE, 0),
            (AV1E_SET_ENABLE_CDEF, 1),
            // What costs more time than it saves bits at these speeds.
            (AV1E_SET_ENABLE_ORDER_HINT, 0),
            (AV1E_SET_ENABLE_TPL_MODEL, 0),
            (AV1E_SET_ENABLE_OBMC, 0),
            (AV1E_SET_ENABLE_WARPED_MOTION, 0),
            (AV1E_SET_ENABLE_GLOBAL_MOTION, 0),
            (AV1E_SET_COEFF_COST_UPD_FREQ, 2),
            (AV1E_SET_MODE_COST_UPD_FREQ, 2),
            (AV1E_SET_MV_COST_UPD_FREQ, 2),
            // Said in every sequence header; browsers guess BT.709 for pictures as large as 720p.
            (AV1E_SET_COLOR_PRIMARIES, BT_601),
            (AV1E_SET_TRANSFER_CHARACTERISTICS, BT_601),
            (AV1E_SET_MATRIX_COEFFICIENTS, BT_601),
        ] {
            // SAFETY: private; aomcx.h gives each of these numbers an int or an unsigned int, which travel alike.
            done(unsafe { aom_codec_control(&mut *self.context, id as c_int, value) })?;
        }
        Ok(())
    }

    /// A control with a structure.
    ///
    /// # Safety
    /// `T` must be what the library's header gives this number.
    unsafe fn tell<T>(&mut self, id: c_uint, value: &mut T) -> Result<(), CodecError> {
        // SAFETY: the encoder is initialised, and the caller knows the type.
        done(unsafe { aom_codec_control(&mut *self.context, id as c_int, ptr::from_mut(value)) })
    }
}

impl Drop for AomEncoder {
    fn drop(&mut self) {
        // SAFETY: initialised once by the same library, destroyed once, not used after. The result only says whether it was.
        unsafe { aom_codec_destroy(&mut *self.context) };
    }
}

/// The library's own settings for real time.
fn defaults() -> Result<aom_codec_enc_cfg, CodecError> {
    let mut config = MaybeUninit::<aom_codec_enc_cfg>::zeroed();
    // SAFETY: the library fills the structure it is given, which is valid for the call.
    done(unsafe {
        aom_codec_enc_config_default(
            aom_codec_av1_cx(),
            config.as_mut_ptr(),
            AOM_USAGE_REALTIME as c_uint,
        )
    })?;
    // SAFETY: zeroed before, where every member is valid, and filled since.
    Ok(unsafe { config.assume_init() })
}

fn parameters(config: &mut aom_codec_enc_cfg, layer: &LayerConfig) {
    config.g_w = layer.width as c_uint;
    config.g_h = layer.height as c_uint;
    config.g_threads = 1;
    // Microseconds: the rate control learns the frame rate from the times between pictures.
    config.g_timebase = aom_rational {
        num: 1,
        den: 1_000_000,
    };
    config.g_pass = AOM_RC_ONE_PASS;
    config.g_lag_in_frames = 0;
    config.rc_end_usage = AOM_CBR;
    config.rc_dropframe_thresh = DROP_BELOW;
    [config.rc_min_quantizer, config.rc_max_quantizer] = QUANTIZERS;
    config.rc_undershoot_pct = 50;
    config.rc_overshoot_pct = 50;
    [
        config.rc_buf_initial_sz,
        config.rc_buf_optimal_sz,
        config.rc_buf_sz,
    ] = BUFFER_MS;
    config.kf_mode = AOM_KF_DISABLED; // on demand only
    config.rc_target_bitrate = kbps(layer.bitrate);
}

fn kbps(bitrate: Bitrate) -> c_uint {
    (bitrate.bps() / 1000).clamp(*RATES.start(), *RATES.end()) as c_uint
}

/// Which of the seven references ("last" first, "golden" fourth) a frame reads from which buffer, and which buffers it writes.
fn references(buffers: Option<Buffers>) -> aom_svc_ref_frame_config {
    const GOLDEN: usize = 3;
    let mut config = aom_svc_ref_frame_config::default();
    let Some(buffers) = buffers else {
        config.refresh = [1; 8]; // a key frame
        return config;
    };
    config.reference[0] = 1;
    if buffers.reads_middle {
        // The nearest first.
        config.ref_idx[0] = 1;
        config.reference[GOLDEN] = 1;
    }
    match buffers.writes {
        Some(Buffer::Base) => config.refresh[0] = 1,
        Some(Buffer::Middle) => config.refresh[1] = 1,
        None => {}
    }
    config
}

/// A description of the picture that points into it.
fn image(picture: &I420) -> aom_image_t {
    let (width, height) = (picture.width() as c_uint, picture.height() as c_uint);
    let half = (width / 2) as c_int;
    aom_image_t {
        fmt: AOM_IMG_FMT_I420,
        w: width,
        h: height,
        bit_depth: 8,
        d_w: width,
        d_h: height,
        x_chroma_shift: 1,
        y_chroma_shift: 1,
        bps: 12,
        planes: [picture.y(), picture.u(), picture.v()].map(|p| p.as_ptr().cast_mut()),
        stride: [width as c_int, half, half],
        ..aom_image_t::default()
    }
}
