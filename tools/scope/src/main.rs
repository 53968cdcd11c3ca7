//! `confab-scope`: a window on a running participant, for developers and support. See `docs/SCOPE.md`.
#![forbid(unsafe_code)]

mod app;
mod args;
mod link;
mod look;
mod model;
mod pages;
mod shot;

use args::Args;
use clap::Parser;
use confab_client::diagnose::{Folder, KIND};
use eframe::egui;
use link::Link;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), String> {
    let shot = args
        .screenshot
        .clone()
        .map(|file| shot::Shot::new(file, args.wait));
    let result = shot.as_ref().map(shot::Shot::result);
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Confab Scope")
            .with_app_id("confab-scope")
            .with_inner_size([args.size.0, args.size.1])
            .with_min_inner_size([720.0, 480.0]),
        ..eframe::NativeOptions::default()
    };
    let folder = match &args.folder {
        Some(path) => Folder::at(path),
        None => Folder::of_user(KIND),
    };
    let start = move |context: &eframe::CreationContext<'_>| {
        look::install(&context.egui_ctx, args.theme);
        let wake = context.egui_ctx.clone();
        let link = Link::start(folder, move || wake.request_repaint())?;
        let app = app::Scope::new(link, &args, shot);
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    eframe::run_native("confab-scope", options, Box::new(start)).map_err(|e| e.to_string())?;
    // A picture that was asked for and not written is a failure.
    result.map_or(Ok(()), |told| told.outcome())
}
