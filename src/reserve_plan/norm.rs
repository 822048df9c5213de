//! Norms of use 使用标准: published figures that a planner can pick from, each with its source.

use crate::catalogue::Category;
use crate::kernel::Ratio;
use crate::reserve_plan::norm_library::LIBRARY;
use crate::reserve_plan::rate::Rate;
use crate::word_enum;

word_enum! {
    /// What a norm is about; an item of the catalogue is found by the words of its name.
    pub enum Thing {
        /// 围裙.
        Apron = "apron",
        /// 含氯消毒剂, as HTH 70 %.
        Chlorine = "chlorine",
        /// 保洁员.
        Cleaner = "cleaner",
        /// 防护服.
        Coverall = "coverall",
        /// 检查手套.
        ExamGloves = "exam_gloves",
        /// 防护面屏.
        FaceShield = "face_shield",
        /// 护目镜.
        Goggles = "goggles",
        /// 隔离衣.
        Gown = "gown",
        /// 免洗手消毒液.
        HandRub = "hand_rub",
        /// 医护人员.
        HealthWorker = "health_worker",
        /// 高流量氧疗仪.
        HighFlowCannula = "high_flow_cannula",
        /// 氧源.
        OxygenSource = "oxygen_source",
        /// 患者用口罩.
        PatientMask = "patient_mask",
        /// 监护仪.
        PatientMonitor = "patient_monitor",
        /// 全套防护用品.
        ProtectiveSet = "protective_set",
        /// 血氧仪.
        PulseOximeter = "pulse_oximeter",
        /// 医用防护口罩.
        Respirator = "respirator",
        /// 洗手液.
        Soap = "soap",
        /// 外科手套.
        SurgicalGloves = "surgical_gloves",
        /// 外科口罩.
        SurgicalMask = "surgical_mask",
        /// 体温计.
        Thermometer = "thermometer",
        /// 呼吸机.
        Ventilator = "ventilator",
        /// 医疗废物袋.
        WasteBag = "waste_bag",
    }
}

impl Thing {
    /// Its name in Chinese, its name in English, and its category; staff has none.
    pub const fn names(self) -> (&'static str, &'static str, Option<Category>) {
        const PPE: Option<Category> = Some(Category::Ppe);
        const CLEANING: Option<Category> = Some(Category::Disinfectant);
        const DEVICE: Option<Category> = Some(Category::Equipment);
        match self {
            Self::Apron => ("一次性围裙", "disposable apron", PPE),
            Self::Chlorine => ("含氯消毒剂(HTH 70%)", "chlorine, HTH 70 %", CLEANING),
            Self::Cleaner => ("保洁员", "cleaners", None),
            Self::Coverall => ("防护服", "protective coverall", PPE),
            Self::ExamGloves => ("检查手套", "examination gloves", PPE),
            Self::FaceShield => ("防护面屏", "face shield", PPE),
            Self::Goggles => ("护目镜", "goggles", PPE),
            Self::Gown => ("隔离衣", "protective gown", PPE),
            Self::HandRub => ("免洗手消毒液", "alcohol-based hand rub", CLEANING),
            Self::HealthWorker => ("医护人员", "health workers", None),
            Self::HighFlowCannula => ("经鼻高流量氧疗仪", "high-flow nasal cannula", DEVICE),
            Self::OxygenSource => ("氧源(制氧机等)", "oxygen source", DEVICE),
            Self::PatientMask => ("患者用口罩", "medical mask for patients", PPE),
            Self::PatientMonitor => ("监护仪", "patient monitor", DEVICE),
            Self::ProtectiveSet => ("全套防护用品", "full set of protective equipment", PPE),
            Self::PulseOximeter => ("血氧仪", "pulse oximeter", DEVICE),
            Self::Respirator => ("医用防护口罩(N95级)", "respirator", PPE),
            Self::Soap => ("洗手液", "liquid soap", CLEANING),
            Self::SurgicalGloves => ("外科手套", "surgical gloves", PPE),
            Self::SurgicalMask => ("外科口罩(工作人员)", "surgical mask for workers", PPE),
            Self::Thermometer => ("红外测温仪", "infrared thermometer", DEVICE),
            Self::Ventilator => ("有创呼吸机", "intensive-care ventilator", DEVICE),
            Self::WasteBag => ("医疗废物袋", "biohazard bag", CLEANING),
        }
    }

    /// Words in the name of a catalogue's item that tell that it is such a thing.
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Apron => &["围裙"],
            Self::Chlorine => &["含氯", "84消毒", "次氯酸", "泡腾"],
            Self::Cleaner | Self::HealthWorker | Self::ProtectiveSet => &[],
            Self::Coverall => &["防护服"],
            Self::ExamGloves => &["检查手套"],
            Self::FaceShield => &["面屏", "面罩"],
            Self::Goggles => &["护目镜"],
            Self::Gown => &["隔离衣"],
            Self::HandRub => &["免洗手", "手消毒"],
            Self::HighFlowCannula => &["高流量"],
            Self::OxygenSource => &["制氧", "氧气瓶"],
            Self::PatientMask => &["医用口罩", "外科口罩"],
            Self::PatientMonitor => &["监护仪"],
            Self::PulseOximeter => &["血氧"],
            Self::Respirator => &["防护口罩", "N95"],
            Self::Soap => &["洗手液"],
            Self::SurgicalGloves => &["外科手套"],
            Self::SurgicalMask => &["外科口罩"],
            Self::Thermometer => &["额温", "测温", "体温"],
            Self::Ventilator => &["呼吸机"],
            Self::WasteBag => &["废物"],
        }
    }

    /// Whether an item of this name is such a thing.
    pub fn is_named(self, name_zh: &str) -> bool {
        self.words().iter().any(|word| name_zh.contains(word))
    }
}

word_enum! {
    /// What a norm counts: multiply by the number of these.
    pub enum Head {
        /// 救护车工作人员.
        AmbulanceWorker = "ambulance_worker",
        /// 危重症床位.
        CriticalBed = "critical_bed",
        /// 高风险岗位医护.
        HighRiskWorker = "high_risk_worker",
        /// 医院工作人员.
        HospitalWorker = "hospital_worker",
        /// ICU 患者.
        IcuPatient = "icu_patient",
        /// 住院患者.
        Inpatient = "inpatient",
        /// 住院陪护.
        InpatientCaregiver = "inpatient_caregiver",
        /// 住院病区保洁员.
        InpatientCleaner = "inpatient_cleaner",
        /// 住院病区医护.
        InpatientWorker = "inpatient_health_worker",
        /// 隔离观察者.
        IsolationPatient = "isolation_patient",
        /// 实验室保洁员.
        LabCleaner = "laboratory_cleaner",
        /// 检验人员.
        LabTechnician = "laboratory_technician",
        /// 中低风险岗位医护.
        MediumLowRiskWorker = "medium_low_risk_worker",
        /// 门诊患者 (人次).
        Outpatient = "outpatient_visit",
        /// 门诊或急救工作人员.
        OutpatientWorker = "outpatient_or_ambulance_worker",
        /// 班级.
        SchoolClass = "school_class",
        /// 师生.
        SchoolPerson = "school_person",
        /// 受筛查者.
        ScreenedPatient = "screened_patient",
        /// 预检分诊医护.
        ScreeningWorker = "screening_health_worker",
        /// 重症床位.
        SevereBed = "severe_bed",
        /// 重症或危重症床位.
        SevereOrCriticalBed = "severe_or_critical_bed",
        /// 学生.
        Student = "student",
        /// 教师.
        Teacher = "teacher",
        /// 普通病区患者.
        WardPatient = "ward_patient",
    }
}

impl Head {
    /// What one of them is called, in Chinese and in English.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::AmbulanceWorker => ("每名救护车工作人员", "ambulance worker"),
            Self::CriticalBed => ("每张危重症床位", "critical bed"),
            Self::HighRiskWorker => ("每名高风险岗位医护", "health worker at high risk"),
            Self::HospitalWorker => ("每名医院工作人员", "hospital worker"),
            Self::IcuPatient => ("每名ICU患者", "intensive-care patient"),
            Self::Inpatient => ("每名住院患者", "inpatient"),
            Self::InpatientCaregiver => ("每名住院陪护", "caregiver of an inpatient"),
            Self::InpatientCleaner => ("每名住院病区保洁员", "cleaner of inpatient wards"),
            Self::InpatientWorker => ("每名住院病区医护", "health worker of inpatient wards"),
            Self::IsolationPatient => ("每名隔离观察者", "patient in isolation"),
            Self::LabCleaner => ("每名实验室保洁员", "cleaner of a laboratory"),
            Self::LabTechnician => ("每名检验人员", "laboratory technician"),
            Self::MediumLowRiskWorker => {
                ("每名中低风险岗位医护", "health worker at medium or low risk")
            }
            Self::Outpatient => ("每门诊人次", "outpatient visit"),
            Self::OutpatientWorker => ("每名门诊或急救人员", "outpatient or ambulance worker"),
            Self::SchoolClass => ("每个班级", "school class"),
            Self::SchoolPerson => ("每名师生", "student or teacher"),
            Self::ScreenedPatient => ("每名受筛查者", "screened patient"),
            Self::ScreeningWorker => ("每名预检分诊医护", "health worker at screening"),
            Self::SevereBed => ("每张重症床位", "severe bed"),
            Self::SevereOrCriticalBed => ("每张重症或危重症床位", "severe or critical bed"),
            Self::Student => ("每名学生", "student"),
            Self::Teacher => ("每名教师", "teacher"),
            Self::WardPatient => ("每名普通病区患者", "ward patient"),
        }
    }
}

word_enum! {
    /// In what a norm counts; the item's base unit may be another (`norm_units`).
    pub enum Unit {
        /// 瓶.
        Bottle = "bottle",
        /// 台.
        Device = "device",
        /// 克.
        Gram = "gram",
        /// 毫升.
        Millilitre = "millilitre",
        /// 双.
        Pair = "pair",
        /// 人.
        Person = "person",
        /// 件.
        Piece = "piece",
        /// 套.
        Set = "set",
    }
}

word_enum! {
    /// For how long a norm's amount serves.
    pub enum Span {
        /// A day: multiply by days.
        Day = "day",
        /// The whole stock: counted once.
        Stock = "stock",
    }
}

/// Where a figure was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// WHO COVID-19 Essential Supplies Forecasting Tool.
    Esft,
    /// The staffing of the same tool.
    EsftStaff,
    /// Hashikura and Kizu.
    Hashikura,
    /// Carias and others.
    Carias,
    /// New Mexico's Medical Advisory Team.
    NewMexico,
    /// A city's notice to schools.
    Linyi,
    /// A district's notice to schools.
    District,
}

impl Source {
    /// The citation.
    pub const fn citation(self) -> &'static str {
        match self {
            Self::Esft => {
                "WHO COVID-19 Essential Supplies Forecasting Tool v4 \
                 (WHO/2019-nCoV/Tools/Essential_forecasting/2022.1), equipment"
            }
            Self::EsftStaff => {
                "WHO COVID-19 Essential Supplies Forecasting Tool v4 \
                 (WHO/2019-nCoV/Tools/Essential_forecasting/2022.1), health workforce: hours per \
                 patient and day / 8"
            }
            Self::Hashikura => "Hashikura & Kizu, Am J Infect Control 2009;37:703-707",
            Self::Carias => "Carias et al., Clin Infect Dis 2015, civ141 (base case)",
            Self::NewMexico => {
                "New Mexico Medical Advisory Team, 3 April 2020 (maximal conservation)"
            }
            Self::Linyi => "临沂市学校开学防疫物资要求, 2020-04-08 (secondary source)",
            Self::District => "区级学校防疫物资储备标准, ellyjt.com 34278 (secondary source)",
        }
    }
}

/// A published figure of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Norm {
    /// How plans name it; what stands under a code never changes.
    pub code: &'static str,
    /// What it is about.
    pub thing: Thing,
    /// What it counts.
    pub head: Head,
    /// The amount for one of them, above and below the line.
    amount: (u32, u32),
    /// In what.
    pub unit: Unit,
    /// For how long.
    pub span: Span,
    /// Whether the thing is used again, so that a stock is counted once and not day by day.
    pub reusable: bool,
    /// Who published it.
    pub source: Source,
}

impl Norm {
    #[expect(clippy::too_many_arguments, reason = "a row of the library, written as one")]
    pub(super) const fn new(
        code: &'static str,
        thing: Thing,
        head: Head,
        amount: (u32, u32),
        unit: Unit,
        span: Span,
        reusable: bool,
        source: Source,
    ) -> Self {
        Self { code, thing, head, amount, unit, span, reusable, source }
    }

    /// The amount for one head, exact.
    pub fn amount(&self) -> Ratio {
        let (above, below) = self.amount;
        // A row's second number is never zero: a test walks the library.
        Ratio::new(above.into(), below.into()).unwrap_or(Ratio::ZERO)
    }

    /// The amount in base units of an item that has `units` of them in one unit of the norm.
    pub fn in_units(&self, units: Rate) -> Option<Rate> {
        Rate::from_ratio(self.amount().times(units.ratio())?)
    }
}

/// The norm with a code.
pub fn norm_named(code: &str) -> Option<&'static Norm> {
    LIBRARY.iter().find(|norm| norm.code == code)
}

/// Which norms are looked for.
#[derive(Debug, Clone, Default)]
pub struct NormFilter {
    /// About such a thing.
    pub thing: Option<Thing>,
    /// About what an item of this name is.
    pub item_name: Option<String>,
    /// About things of this category.
    pub category: Option<Category>,
    /// With a code after this one.
    pub after: Option<String>,
}

impl NormFilter {
    /// The norms that match, by code.
    pub fn matching(&self) -> impl Iterator<Item = &'static Norm> {
        LIBRARY.iter().filter(|norm| {
            self.thing.is_none_or(|thing| norm.thing == thing)
                && self.item_name.as_ref().is_none_or(|name| norm.thing.is_named(name))
                && self.category.is_none_or(|category| norm.thing.names().2 == Some(category))
                && self.after.as_ref().is_none_or(|after| norm.code > after.as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_in_the_order_of_its_codes_and_every_row_counts() {
        assert!(LIBRARY.len() > 70);
        assert!(LIBRARY.iter().map(|norm| norm.code).is_sorted_by(|a, b| a < b));
        for norm in LIBRARY {
            assert!(norm.amount.0 > 0 && norm.amount.1 > 0, "{}", norm.code);
            assert!(
                norm.code
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
            assert_eq!(norm_named(norm.code), Some(norm));
        }
        for (code, amount) in [
            ("who-esft4-exam-gloves-inpatient-hcw", "24"),
            ("who-esft4-goggles-inpatient-hcw", "1/10"),
            ("carias-2015-patient-mask", "6/5"),
            ("new-mexico-2020-respirator", "127/100"),
        ] {
            assert_eq!(norm_named(code).unwrap().amount().to_string(), amount);
        }
        assert_eq!(norm_named("who-esft4"), None);
    }

    #[test]
    fn a_norm_in_pairs_serves_an_item_in_single_gloves() {
        let gloves = norm_named("who-esft4-exam-gloves-inpatient-hcw").unwrap();
        assert_eq!(gloves.in_units(Rate::whole(2)), Some(Rate::whole(48)));
        // 100/3 ml a day, from bottles of 500 ml.
        let rub = norm_named("who-esft4-hand-rub-inpatient-hcw").unwrap();
        assert_eq!(rub.in_units(Rate::of(1, 500).unwrap()), Rate::of(1, 15));
    }

    #[test]
    fn norms_are_found_by_the_name_of_an_item_and_by_category() {
        let of = |name: &str| {
            let filter = NormFilter { item_name: Some(name.to_owned()), ..NormFilter::default() };
            filter.matching().map(|norm| norm.thing).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(of("医用防护口罩(N95级)"), [Thing::Respirator].into());
        assert_eq!(of("医用外科口罩"), [Thing::PatientMask, Thing::SurgicalMask].into());
        assert_eq!(of("奥司他韦胶囊"), [].into());
        let equipment = NormFilter { category: Some(Category::Equipment), ..NormFilter::default() };
        assert!(equipment.matching().all(|norm| norm.unit == Unit::Device));
    }
}
