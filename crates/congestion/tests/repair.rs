//! Video over bad paths in virtual time: how much of it is seen.

mod scene;

use confab_simnet::Loss;
use scene::Scene;

#[test]
#[ignore = "for tuning"]
fn table() {
    for seed in 1..=3 {
        for loss in [0.0, 0.02, 0.05, 0.1, 0.3, 0.5, 0.7, 0.8] {
            let loss_of = if loss > 0.0 { Loss::Random(loss) } else { Loss::None };
            let mut scene = Scene::new("x", loss_of);
            scene.seed = seed;
            println!("{loss} {}", scene.run().row());
        }
        let mut scene = Scene::new("bursts 80", Loss::bursts(0.8, 8.0));
        scene.seed = seed;
        println!("{}", scene.run().row());
        let mut scene = Scene::new("two hops", Loss::Random(0.5));
        scene.seed = seed;
        scene.links.push(scene.links[0]);
        println!("{}", scene.run().row());
    }
}
