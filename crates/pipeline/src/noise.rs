//! The choice between the noise suppressors: finding the learned one's weights, building voice chains before the voice thread takes them, and telling which suppressor works and why.

use confab_base::Duration;
use confab_dsp::{EngineBudget, LearnedNoise, NoiseEngine, VoiceChain, VoiceConfig};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Files with weights, which `cargo xtask weights` brings: DeepFilterNet3, and GTCRN, which is smaller and not as good. In each folder the first that is there is taken.
pub const WEIGHTS_FILES: [&str; 2] = ["deepfilter3.f32", "gtcrn.f32"];

/// Why the strong suppressor does not work although it is wanted. The standard one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoiseFault {
    /// There is no file with weights.
    WeightsMissing,
    /// The file can't be read, or holds something else.
    WeightsBad,
    /// It cost more than this machine has, see [`EngineBudget`].
    TooSlow,
}

impl NoiseFault {
    /// For statistics and logs; never changes.
    pub fn code(self) -> &'static str {
        match self {
            NoiseFault::WeightsMissing => "noise_weights_missing",
            NoiseFault::WeightsBad => "noise_weights_bad",
            NoiseFault::TooSlow => "noise_too_slow",
        }
    }
}

/// What is done about noise now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoiseState {
    pub engine: NoiseEngine,
    pub fault: Option<NoiseFault>,
}

/// Hears when [`NoiseState`] changes. Called on the voice thread: must be quick.
pub type NoiseWatch = Arc<dyn Fn(NoiseState) + Send + Sync>;

/// Where installations put one of [`WEIGHTS_FILES`], the user's own first: `confab/` in the data folders of the user and of the system, `share/confab/` beside the program.
pub fn weights_places() -> Vec<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    let folder = |name: &str, below: &str| from(name).map(|v| Path::new(&v).join(below));
    let mut folders = Vec::new();
    folders.extend(folder("XDG_DATA_HOME", ""));
    folders.extend(folder("HOME", ".local/share"));
    folders.extend(folder("HOME", "Library/Application Support"));
    folders.extend(folder("APPDATA", ""));
    if let Ok(program) = std::env::current_exe()
        && let Some(beside) = program.parent()
    {
        folders.extend([beside.join("share"), beside.join("../share")]);
    }
    let system = from("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    folders.extend(std::env::split_paths(&system));
    let files = |folder: PathBuf| WEIGHTS_FILES.map(|file| folder.join("confab").join(file));
    folders.into_iter().flat_map(files).collect()
}

/// A voice chain on its way to the voice thread.
pub(crate) struct ReadyChain {
    pub(crate) chain: Box<VoiceChain>,
    pub(crate) fault: Option<NoiseFault>,
}

impl ReadyChain {
    /// A chain that needs no weights.
    pub(crate) fn plain(config: VoiceConfig) -> ReadyChain {
        ReadyChain {
            chain: Box::new(VoiceChain::new(config)),
            fault: None,
        }
    }
}

/// Builds voice chains, with the learned engine where it is wanted.
pub(crate) struct ChainMaker {
    places: Vec<PathBuf>,
    /// Once they were found good.
    weights: Mutex<Option<Arc<[u8]>>>,
}

impl ChainMaker {
    /// `places`: files to look for, in this order.
    pub(crate) fn new(places: Vec<PathBuf>) -> ChainMaker {
        ChainMaker {
            places,
            weights: Mutex::default(),
        }
    }

    /// Reads the weights where they are needed for the first time: milliseconds.
    pub(crate) fn make(&self, config: VoiceConfig) -> ReadyChain {
        let mut ready = ReadyChain::plain(config);
        if config.learned && config.noise_suppress.is_some() {
            match self.engine() {
                Ok(engine) => ready.chain.set_learned(Some(engine)),
                Err(fault) => ready.fault = Some(fault),
            }
        }
        ready
    }

    fn engine(&self) -> Result<LearnedNoise, NoiseFault> {
        let mut known = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(weights) = &*known {
            return LearnedNoise::new(weights).map_err(|_| NoiseFault::WeightsBad);
        }
        let Some(path) = self.places.iter().find(|p| p.is_file()) else {
            let code = NoiseFault::WeightsMissing.code();
            tracing::warn!(
                "{code}: none of {WEIGHTS_FILES:?}; standard noise suppression works instead"
            );
            return Err(NoiseFault::WeightsMissing);
        };
        match read(path) {
            Ok((weights, engine)) => {
                *known = Some(weights.into());
                Ok(engine)
            }
            Err(why) => {
                let code = NoiseFault::WeightsBad.code();
                tracing::warn!(
                    "{code}: {}: {why}; standard noise suppression works instead",
                    path.display()
                );
                Err(NoiseFault::WeightsBad)
            }
        }
    }
}

fn read(path: &Path) -> Result<(Vec<u8>, LearnedNoise), Box<dyn std::error::Error>> {
    let weights = std::fs::read(path)?;
    let engine = LearnedNoise::new(&weights)?;
    Ok((weights, engine))
}

/// The chain at work on the voice thread, watched for what its noise suppressor costs. Allocates nothing, a line in the log aside
/// when an engine is given up.
pub(crate) struct WatchedChain {
    pub(crate) chain: Box<VoiceChain>,
    fault: Option<NoiseFault>,
    /// The learned engine was too slow, and nobody has chosen another since.
    slow: bool,
    budget: EngineBudget,
    /// Whose costs are in `budget`.
    counted: bool,
    told: Option<NoiseState>,
    watch: Option<NoiseWatch>,
}

impl WatchedChain {
    pub(crate) fn new(ready: ReadyChain, watch: Option<NoiseWatch>) -> WatchedChain {
        WatchedChain {
            chain: ready.chain,
            fault: ready.fault,
            slow: false,
            budget: EngineBudget::default(),
            counted: false,
            told: None,
            watch,
        }
    }

    /// Takes another chain, or its noise suppressor where that is all that differs. Gives back what is of no use any more, for
    /// another thread to drop.
    pub(crate) fn replace(&mut self, mut next: ReadyChain) -> Box<VoiceChain> {
        if !self.chain.adopt(&mut next.chain) {
            std::mem::swap(&mut self.chain, &mut next.chain);
        }
        self.settle(next.fault);
        next.chain
    }

    /// As [`WatchedChain::replace`], but nothing stays of the one before: it knew another room.
    pub(crate) fn replace_all(&mut self, next: ReadyChain) -> Box<VoiceChain> {
        let old = std::mem::replace(&mut self.chain, next.chain);
        self.settle(next.fault);
        old
    }

    fn settle(&mut self, fault: Option<NoiseFault>) {
        self.fault = fault;
        let config = self.chain.config();
        if config.learned {
            // Another microphone makes no faster machine.
            if self.slow && fault.is_none() {
                self.give_up();
            }
        } else if config != VoiceConfig::BYPASS {
            // Without a microphone there is a bypass, which is nobody's choice.
            self.slow = false;
        }
    }

    fn give_up(&mut self) {
        self.slow = true;
        self.fault = Some(NoiseFault::TooSlow);
        self.chain.give_up_learned();
    }

    /// After each frame: what its noise suppression cost, and whether the whole frame took longer than the next one can wait.
    pub(crate) fn note(&mut self, cost: Duration, late: bool) {
        let runs = self.chain.is_learned_running();
        if runs != self.counted {
            self.counted = runs;
            self.budget = EngineBudget::default();
        }
        self.budget.note(cost, late, crate::clock::now());
        if runs && self.fault.is_none() && self.budget.is_exhausted() {
            tracing::warn!(
                "{}: strong noise suppression takes {} us of 10 ms; standard goes on",
                NoiseFault::TooSlow.code(),
                self.budget.cost().as_micros()
            );
            self.give_up();
        }
        let state = self.state();
        if self.told != Some(state) {
            self.told = Some(state);
            if let Some(watch) = &self.watch {
                watch(state);
            }
        }
    }

    pub(crate) fn state(&self) -> NoiseState {
        NoiseState {
            engine: self.chain.noise_engine(),
            fault: self.fault,
        }
    }

    /// Mean cost of noise suppression per frame.
    pub(crate) fn cost(&self) -> Duration {
        self.budget.cost()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_dsp::FRAME;

    const STRONG: VoiceConfig = VoiceConfig {
        noise_suppress: Some(confab_dsp::NoiseLevel::High),
        learned: true,
        ..VoiceConfig::BYPASS
    };
    const STANDARD: VoiceConfig = VoiceConfig {
        learned: false,
        ..STRONG
    };

    /// Weights of zero are good ones.
    fn maker(dir: &Path) -> ChainMaker {
        let file = dir.join(WEIGHTS_FILES[1]);
        std::fs::write(&file, vec![0; 4 * 47_665]).unwrap();
        ChainMaker::new(vec![dir.join("nothing"), file])
    }

    fn run(chain: &mut WatchedChain, frames: usize, cost: Duration, late: bool) {
        for _ in 0..frames {
            chain.chain.process(&mut [0.0; FRAME], &[0.0; FRAME]);
            chain.note(cost, late);
        }
    }

    #[test]
    fn missing_and_bad_weights_leave_the_standard_suppressor_and_say_so() {
        let dir = tempfile::tempdir().unwrap();
        let ready = ChainMaker::new(vec![dir.path().join("none")]).make(STRONG);
        assert_eq!(ready.fault, Some(NoiseFault::WeightsMissing));
        assert_eq!(ready.chain.noise_engine(), NoiseEngine::Standard);
        let bad = dir.path().join("bad");
        std::fs::write(&bad, "hello").unwrap();
        let ready = ChainMaker::new(vec![bad]).make(STRONG);
        assert_eq!(ready.fault, Some(NoiseFault::WeightsBad));
        assert_eq!(ready.chain.noise_engine(), NoiseEngine::Standard);
    }

    #[test]
    fn weights_are_not_even_looked_for_where_nobody_wants_them() {
        let ready = ChainMaker::new(Vec::new()).make(STANDARD);
        assert_eq!(ready.fault, None);
    }

    #[test]
    fn too_many_missed_deadlines_bring_the_standard_one_back_until_strong_is_chosen_anew() {
        let dir = tempfile::tempdir().unwrap();
        let maker = maker(dir.path());
        let told = Arc::new(Mutex::new(Vec::new()));
        let hear = told.clone();
        let watch: NoiseWatch = Arc::new(move |state| hear.lock().unwrap().push(state));
        let mut chain = WatchedChain::new(maker.make(STRONG), Some(watch));
        run(&mut chain, 10, Duration::ZERO, false);
        assert_eq!(chain.state().engine, NoiseEngine::Strong);
        run(&mut chain, 250, Duration::ZERO, true);
        let slow = NoiseState {
            engine: NoiseEngine::Standard,
            fault: Some(NoiseFault::TooSlow),
        };
        assert_eq!(chain.state(), slow);
        assert_eq!(told.lock().unwrap().last(), Some(&slow));
        // Another microphone.
        chain.replace_all(ReadyChain::plain(VoiceConfig::BYPASS));
        chain.replace_all(maker.make(STRONG));
        run(&mut chain, 250, Duration::ZERO, false);
        assert_eq!(chain.state(), slow);
        chain.replace(maker.make(STANDARD));
        run(&mut chain, 10, Duration::ZERO, false);
        assert_eq!(chain.state().fault, None);
        chain.replace(maker.make(STRONG));
        run(&mut chain, 250, Duration::ZERO, false);
        assert_eq!(chain.state().engine, NoiseEngine::Strong);
    }

    #[test]
    fn codes_are_told_apart() {
        let all = [
            NoiseFault::WeightsMissing,
            NoiseFault::WeightsBad,
            NoiseFault::TooSlow,
        ];
        let mut codes = all.map(NoiseFault::code).to_vec();
        codes.dedup();
        assert_eq!(codes.len(), 3);
    }
}
