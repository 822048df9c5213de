//! Why stock was moved otherwise than planned: the reasons that documents choose from.

use crate::word_enum;

word_enum! {
    /// A reason for a correction, a cut, a loss or a change of state.
    pub enum ReasonCode {
        /// 损坏.
        Damaged = "damaged",
        /// 过期.
        Expired = "expired",
        /// 丢失.
        Lost = "lost",
        /// 盘盈.
        Found = "found",
        /// 点错.
        Miscounted = "miscounted",
        /// 批号错误.
        WrongLot = "wrong_lot",
        /// 物资错误.
        WrongItem = "wrong_item",
        /// 重复录入.
        EnteredTwice = "entered_twice",
        /// 在途丢失.
        LostInTransit = "lost_in_transit",
        /// 在途损坏.
        DamagedInTransit = "damaged_in_transit",
        /// 召回.
        Recall = "recall",
        /// 质量疑问.
        Quality = "quality",
        /// 检验合格.
        Inspected = "inspected",
        /// 解除冻结.
        Released = "released",
        /// 奉令冻结.
        Ordered = "ordered",
        /// 库存紧张.
        Scarce = "scarce",
        /// 需求减少.
        LessNeeded = "less_needed",
        /// 近效期.
        NearExpiry = "near_expiry",
        /// 替代物资.
        Substituted = "substituted",
        /// 拒收.
        Rejected = "rejected",
        /// 多发.
        OverDelivered = "over_delivered",
        /// 其他: the note says more.
        Other = "other",
    }
}

impl ReasonCode {
    /// Its name in Chinese and English.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Damaged => ("损坏", "Damaged"),
            Self::Expired => ("过期", "Expired"),
            Self::Lost => ("丢失", "Lost"),
            Self::Found => ("盘盈", "Found"),
            Self::Miscounted => ("点错", "Miscounted"),
            Self::WrongLot => ("批号错误", "Wrong lot"),
            Self::WrongItem => ("物资错误", "Wrong item"),
            Self::EnteredTwice => ("重复录入", "Entered twice"),
            Self::LostInTransit => ("在途丢失", "Lost in transit"),
            Self::DamagedInTransit => ("在途损坏", "Damaged in transit"),
            Self::Recall => ("召回", "Recall"),
            Self::Quality => ("质量疑问", "Doubt on quality"),
            Self::Inspected => ("检验合格", "Passed inspection"),
            Self::Released => ("解除冻结", "Released"),
            Self::Ordered => ("奉令冻结", "Held by order"),
            Self::Scarce => ("库存紧张", "Stock is scarce"),
            Self::LessNeeded => ("需求减少", "Less is needed"),
            Self::NearExpiry => ("近效期", "Near expiry"),
            Self::Substituted => ("替代物资", "Substituted"),
            Self::Rejected => ("拒收", "Rejected"),
            Self::OverDelivered => ("多发", "Delivered over"),
            Self::Other => ("其他", "Other"),
        }
    }
}
