//! One openh264 encoder instance, safe to hold: 1 to 4 spatial layers (separate AVC streams) and 1 to 3 temporal ones.

use super::library::library;
use super::long_term::Feedback;
use crate::{CodecError, EncodedFrame, LayerConfig};
use confab_base::Bitrate;
use confab_picture::I420;
use openh264_sys2::{
    API, CAMERA_VIDEO_REAL_TIME, CONSTANT_ID, ENCODER_LTR_MARKING_FEEDBACK,
    ENCODER_LTR_MARKING_PERIOD, ENCODER_LTR_RECOVERY_REQUEST, ENCODER_OPTION,
    ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_LTR,
    ENCODER_OPTION_TRACE_LEVEL, ISVCEncoder, ISVCEncoderVtbl, LEVEL_UNKNOWN, LOW_COMPLEXITY,
    LTR_MARKING_SUCCESS, LTR_RECOVERY_REQUEST, PRO_BASELINE, RC_BITRATE_MODE, SBitrateInfo,
    SCREEN_CONTENT_REAL_TIME, SEncParamExt, SFrameBSInfo, SLTRConfig, SLTRMarkingFeedback,
    SLTRRecoverRequest, SLayerBSInfo, SM_SINGLE_SLICE, SPATIAL_LAYER_ALL, SSourcePicture,
    SSpatialLayerConfig, VIDEO_CODING_LAYER, WELS_LOG_QUIET, videoFormatI420, videoFrameTypeIDR,
};
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::{self, NonNull};

/// Rates openh264 can be told, in bits per second.
const RATES: std::ops::RangeInclusive<u64> = 10_000..=200_000_000;

/// What the vtable's entry really takes: the C header leaves out the C++ method's second argument (with a default value
/// that C callers never pass), so calling it as declared would hand over whatever is in that register.
type ForceIntraFrame = unsafe extern "C" fn(*mut ISVCEncoder, bool, c_int) -> c_int;

/// An initialised openh264 encoder. Pictures must have the size of its highest layer; smaller layers are scaled inside.
#[derive(Debug)]
pub struct RawEncoder {
    encoder: NonNull<ISVCEncoder>,
    width: usize,
    height: usize,
    layers: usize,
    last_ms: i64,
    /// Filled by the library, too large for the stack of small threads.
    info: Box<SFrameBSInfo>,
}

// SAFETY: the instance is owned alone, has no thread affinity and keeps no thread-local state; with one thread
// configured it starts none. `&mut self` on every method that calls it rules out concurrent use.
unsafe impl Send for RawEncoder {}

impl RawEncoder {
    /// An encoder for these layers, lowest first; sizes must grow and be even. `temporal` is 1 to 3.
    pub fn new(
        layers: &[LayerConfig],
        temporal: u8,
        screen: bool,
    ) -> Result<RawEncoder, CodecError> {
        check(layers, temporal)?;
        let top = layers.last().ok_or(CodecError::Unsupported)?;
        let mut raw = ptr::null_mut();
        // SAFETY: the library writes a new encoder or null through the pointer, which is valid for the call.
        let code = unsafe { library().WelsCreateSVCEncoder(&mut raw) };
        let encoder = NonNull::new(raw).ok_or(CodecError::Library(code))?;
        let mut this = RawEncoder {
            encoder,
            width: top.width,
            height: top.height,
            layers: layers.len(),
            last_ms: -1,
            info: Box::default(),
        };
        this.initialize(layers, temporal, screen)?;
        Ok(this)
    }

    /// The size pictures must have.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Makes the next picture a key frame in all layers.
    pub fn force_keyframe(&mut self) -> Result<(), CodecError> {
        let declared = self.vtable().ForceIntraFrame;
        let method = declared.ok_or(CodecError::Unsupported)?;
        // SAFETY: the entry is the C++ method `int ForceIntraFrame(bool, int)` (codec_api.h, since 1.8); both types are
        // plain function pointers with the C calling convention.
        let method: ForceIntraFrame = unsafe { std::mem::transmute(method) };
        // SAFETY: the encoder is initialised; -1 means all layers.
        done(unsafe { method(self.encoder.as_ptr(), true, -1) })
    }

    /// Sets the target rate of all layers together.
    pub fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        let mut info = SBitrateInfo {
            iLayer: SPATIAL_LAYER_ALL,
            iBitrate: rate(bitrate),
        };
        self.set_option(ENCODER_OPTION_BITRATE, &mut info)
    }

    /// Tells the rate control how many pictures come in a second.
    pub fn set_frame_rate(&mut self, fps: f32) -> Result<(), CodecError> {
        let mut fps = fps.clamp(1.0, 60.0);
        self.set_option(ENCODER_OPTION_FRAME_RATE, &mut fps)
    }

    /// Keeps two long-term references and marks the next one that many base frames after the last; for one spatial layer, before the
    /// first picture.
    pub(super) fn keep_long_term(&mut self, period: u32) -> Result<(), CodecError> {
        let mut config = SLTRConfig {
            bEnableLongTermReference: true,
            iLTRRefNum: 2,
        };
        self.set_option(ENCODER_OPTION_LTR, &mut config)?;
        let mut period: c_uint = period;
        self.set_option(ENCODER_LTR_MARKING_PERIOD, &mut period)
    }

    /// Tells what a receiver has, or lacks.
    pub(super) fn tell(&mut self, feedback: Feedback) -> Result<(), CodecError> {
        match feedback {
            Feedback::Came { idr, frame_num } => {
                let mut came = SLTRMarkingFeedback {
                    uiFeedbackType: LTR_MARKING_SUCCESS as c_uint,
                    uiIDRPicId: idr,
                    iLTRFrameNum: frame_num as c_int,
                    iLayerId: 0,
                };
                self.set_option(ENCODER_LTR_MARKING_FEEDBACK, &mut came)
            }
            Feedback::Lost {
                idr,
                last_good,
                newest,
            } => {
                let mut lost = SLTRRecoverRequest {
                    uiFeedbackType: LTR_RECOVERY_REQUEST as c_uint,
                    uiIDRPicId: idr,
                    iLastCorrectFrameNum: last_good as c_int,
                    iCurrentFrameNum: newest as c_int,
                    iLayerId: 0,
                };
                self.set_option(ENCODER_LTR_RECOVERY_REQUEST, &mut lost)
            }
        }
    }

    /// Encodes a picture taken at `ms`; times that do not grow are made to. Frames of all layers, lowest first; none
    /// where the rate control skipped.
    pub fn encode(&mut self, picture: &I420, ms: i64) -> Result<Vec<EncodedFrame>, CodecError> {
        if picture.size() != self.size() {
            return Err(CodecError::BadInput);
        }
        let method = self.vtable().EncodeFrame.ok_or(CodecError::Unsupported)?;
        self.last_ms = ms.max(self.last_ms + 1);
        let chroma = (self.width / 2) as c_int;
        let source = SSourcePicture {
            iColorFormat: videoFormatI420,
            iStride: [self.width as c_int, chroma, chroma, 0],
            pData: [
                picture.y().as_ptr().cast_mut(),
                picture.u().as_ptr().cast_mut(),
                picture.v().as_ptr().cast_mut(),
                ptr::null_mut(),
            ],
            iPicWidth: self.width as c_int,
            iPicHeight: self.height as c_int,
            uiTimeStamp: self.last_ms,
            ..SSourcePicture::default()
        };
        *self.info = SFrameBSInfo::default();
        // SAFETY: the encoder is initialised for this size; `I420` guarantees planes of exactly these sizes and tight
        // strides; the library only reads the planes (the pointers are mutable in the C interface alone) and keeps
        // none of them; `info` outlives the call.
        done(unsafe { method(self.encoder.as_ptr(), &source, &mut *self.info) })?;
        Ok(self.collect())
    }

    /// Copies what the library wrote into its own buffers.
    fn collect(&self) -> Vec<EncodedFrame> {
        let count = (self.info.iLayerNum.max(0) as usize).min(self.info.sLayerInfo.len());
        let mut frames: Vec<EncodedFrame> = Vec::with_capacity(self.layers);
        for part in &self.info.sLayerInfo[..count] {
            // SAFETY: `part` comes from the call just made, and nothing was called since.
            let bytes = unsafe { layer_bytes(part) };
            if bytes.is_empty() {
                continue;
            }
            let layer = usize::from(part.uiSpatialId);
            // Parameter sets come as parts of their own in front of their layer's slices.
            if frames.last().is_none_or(|f| f.layer != layer) {
                frames.push(EncodedFrame {
                    layer,
                    number: 0,
                    refers: None,
                    temporal: 0,
                    keyframe: false,
                    discardable: false,
                    layer_sync: false,
                    data: Vec::new(),
                });
            }
            if let Some(frame) = frames.last_mut() {
                frame.data.extend_from_slice(bytes);
                if i32::from(part.uiLayerType) == VIDEO_CODING_LAYER {
                    frame.temporal = part.uiTemporalId;
                    frame.keyframe = part.eFrameType == videoFrameTypeIDR;
                    // The NAL header stands behind a start code of four bytes; nal_ref_idc 0: nobody refers to it.
                    frame.discardable = bytes.get(4).is_some_and(|header| header & 0x60 == 0);
                }
            }
        }
        frames
    }

    fn initialize(
        &mut self,
        layers: &[LayerConfig],
        temporal: u8,
        screen: bool,
    ) -> Result<(), CodecError> {
        let defaults = self.vtable().GetDefaultParams;
        let initialize = self.vtable().InitializeExt;
        let (Some(defaults), Some(initialize)) = (defaults, initialize) else {
            return Err(CodecError::Unsupported);
        };
        let mut quiet = WELS_LOG_QUIET;
        self.set_option(ENCODER_OPTION_TRACE_LEVEL, &mut quiet)?;
        let mut params = SEncParamExt::default();
        // SAFETY: the encoder exists; the library fills the structure it is given.
        done(unsafe { defaults(self.encoder.as_ptr(), &mut params) })?;
        parameters(&mut params, layers, temporal, screen);
        // SAFETY: the encoder exists and is not yet initialised; the parameters are copied.
        done(unsafe { initialize(self.encoder.as_ptr(), &params) })
    }

    fn set_option<T>(&mut self, option: ENCODER_OPTION, value: &mut T) -> Result<(), CodecError> {
        let method = self.vtable().SetOption.ok_or(CodecError::Unsupported)?;
        let value: *mut c_void = ptr::from_mut(value).cast();
        // SAFETY: private; each caller passes the type that codec_app_def.h names for its option. It is only read.
        done(unsafe { method(self.encoder.as_ptr(), option, value) })
    }

    fn vtable(&self) -> &ISVCEncoderVtbl {
        // SAFETY: the library made the object; its first word points to a table that lives as long as the library,
        // which is never unloaded.
        unsafe { &**self.encoder.as_ptr() }
    }
}

impl Drop for RawEncoder {
    fn drop(&mut self) {
        if let Some(uninitialize) = self.vtable().Uninitialize {
            // SAFETY: the encoder exists; uninitialising one that never was initialised is allowed and does nothing.
            unsafe { uninitialize(self.encoder.as_ptr()) };
        }
        // SAFETY: made by the same library, destroyed once, not used after.
        unsafe { library().WelsDestroySVCEncoder(self.encoder.as_ptr()) };
    }
}

/// The bytes of one part of a frame.
///
/// # Safety
/// `part` must have been filled by the encoder's last call.
unsafe fn layer_bytes(part: &SLayerBSInfo) -> &[u8] {
    if part.pBsBuf.is_null() || part.pNalLengthInByte.is_null() || part.iNalCount <= 0 {
        return &[];
    }
    // SAFETY: the library keeps `iNalCount` lengths there until its next call.
    let lengths =
        unsafe { std::slice::from_raw_parts(part.pNalLengthInByte, part.iNalCount as usize) };
    let total: usize = lengths.iter().map(|&l| l.max(0) as usize).sum();
    // SAFETY: the NAL units of a part lie one behind the other, `total` bytes in all, until the next call.
    unsafe { std::slice::from_raw_parts(part.pBsBuf, total) }
}

fn parameters(params: &mut SEncParamExt, layers: &[LayerConfig], temporal: u8, screen: bool) {
    let top = &layers[layers.len() - 1];
    params.iUsageType = if screen {
        SCREEN_CONTENT_REAL_TIME
    } else {
        CAMERA_VIDEO_REAL_TIME
    };
    params.iPicWidth = top.width as c_int;
    params.iPicHeight = top.height as c_int;
    params.iTargetBitrate = layers.iter().map(|l| rate(l.bitrate)).sum();
    params.iMaxBitrate = 0; // not limited beyond the target
    params.iRCMode = RC_BITRATE_MODE;
    params.fMaxFrameRate = layers.iter().map(|l| l.max_fps).max().unwrap_or(30) as f32;
    params.iTemporalLayerNum = c_int::from(temporal);
    params.iSpatialLayerNum = layers.len() as c_int;
    params.bSimulcastAVC = layers.len() > 1;
    params.iComplexityMode = LOW_COMPLEXITY;
    params.uiIntraPeriod = 0; // key frames on demand only
    params.eSpsPpsIdStrategy = CONSTANT_ID;
    params.bPrefixNalAddingCtrl = false;
    params.iEntropyCodingModeFlag = 0; // CAVLC: baseline
    params.bEnableFrameSkip = true; // without it the rate control cannot hold its rate
    params.iMultipleThreadIdc = 1;
    params.bEnableDenoise = false;
    for (slot, layer) in params.sSpatialLayers.iter_mut().zip(layers) {
        spatial(slot, layer);
    }
}

fn spatial(slot: &mut SSpatialLayerConfig, layer: &LayerConfig) {
    slot.iVideoWidth = layer.width as c_int;
    slot.iVideoHeight = layer.height as c_int;
    slot.fFrameRate = layer.max_fps as f32;
    slot.iSpatialBitrate = rate(layer.bitrate);
    slot.iMaxSpatialBitrate = 0;
    slot.uiProfileIdc = PRO_BASELINE;
    slot.uiLevelIdc = LEVEL_UNKNOWN; // the lowest that fits
    // RTP fragments at will (packetization-mode 1); more slices would only cost bits.
    slot.sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
    slot.sSliceArgument.uiSliceNum = 1;
    // Say BT.601 limited range; browsers guess BT.709 for pictures as large as 720p.
    slot.bVideoSignalTypePresent = true;
    slot.uiVideoFormat = 5; // unspecified
    slot.bFullRange = false;
    slot.bColorDescriptionPresent = true;
    slot.uiColorPrimaries = 6;
    slot.uiTransferCharacteristics = 6;
    slot.uiColorMatrix = 6;
}

fn check(layers: &[LayerConfig], temporal: u8) -> Result<(), CodecError> {
    let grows = layers
        .windows(2)
        .all(|p| p[0].width <= p[1].width && p[0].height <= p[1].height);
    let count = (1..=4).contains(&layers.len()) && (1..=3).contains(&temporal);
    if !count || !grows {
        return Err(CodecError::Unsupported);
    }
    layers.iter().try_for_each(crate::simulcast::check)
}

fn rate(bitrate: Bitrate) -> c_int {
    bitrate.bps().clamp(*RATES.start(), *RATES.end()) as c_int
}

fn done(code: c_int) -> Result<(), CodecError> {
    match code {
        0 => Ok(()),
        code => Err(CodecError::Library(code)),
    }
}
