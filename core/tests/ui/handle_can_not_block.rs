use backstay_core::{BlockOn, Config};
use backstay_tokio::TokioOwner;

fn run<O: BlockOn>(owner: &O) {
    owner.block_on(async {});
}

fn main() {
    let owner = TokioOwner::new(Config::new()).unwrap();
    run(owner.runtime());
}
