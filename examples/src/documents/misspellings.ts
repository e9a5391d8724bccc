/** Common misspellings of English, each with the word that was meant. */
const PAIRS = `abscence absence,accomodate accommodate,acheive achieve,accross across,adress address,agressive aggressive,alot a lot,
amature amateur,apparantly apparently,appearence appearance,arguement argument,assasin assassin,basicly basically,begining beginning,
beleive believe,belive believe,bizzare bizarre,buisness business,calender calendar,catagory category,cemetary cemetery,changable changeable,
collegue colleague,comming coming,commitee committee,completly completely,concious conscious,consistant consistent,convinient convenient,
curiousity curiosity,definately definitely,definitly definitely,dependant dependent,desparate desperate,diffrent different,dilema dilemma,
dissapear disappear,dissapoint disappoint,ecstacy ecstasy,embarass embarrass,enviroment environment,equiptment equipment,exagerate exaggerate,
existance existence,experiance experience,familar familiar,finaly finally,foriegn foreign,fourty forty,foward forward,freind friend,
futher further,garantee guarantee,glamourous glamorous,goverment government,gaurd guard,happend happened,harrass harass,heighth height,
heros heroes,hieght height,humourous humorous,hygeine hygiene,ignorence ignorance,immediatly immediately,incidently incidentally,
independant independent,indispensible indispensable,intresting interesting,interupt interrupt,irresistable irresistible,
knowlege knowledge,labratory laboratory,liason liaison,libary library,lisence license,maintainance maintenance,maintenence maintenance,
managment management,medecine medicine,milennium millennium,miniture miniature,mispell misspell,neccessary necessary,necesary necessary,
noticable noticeable,occassion occasion,occured occurred,occurence occurrence,ocurred occurred,oppurtunity opportunity,paralel parallel,
parliment parliament,particulary particularly,peice piece,perseverence perseverance,persistant persistent,personel personnel,posession possession,
prefered preferred,presance presence,privelege privilege,probaly probably,proffesional professional,profesor professor,pronounciation pronunciation,
publically publicly,questionaire questionnaire,realy really,recieve receive,recieved received,recomend recommend,reccomend recommend,
refered referred,relevent relevant,religous religious,remeber remember,repitition repetition,resistence resistance,responsability responsibility,
rythm rhythm,saftey safety,seige siege,sentance sentence,seperate separate,seperately separately,similiar similar,sincerly sincerely,
speach speech,strenght strength,succesful successful,successfull successful,supercede supersede,suprise surprise,tendancy tendency,
therefor therefore,threshhold threshold,tommorow tomorrow,tommorrow tomorrow,tounge tongue,truely truly,twelth twelfth,tyrany tyranny,
unforseen unforeseen,unfortunatly unfortunately,untill until,usefull useful,vaccuum vacuum,vegatable vegetable,visable visible,
wether whether,wierd weird,wich which,writting writing,writen written,yeild yield,teh the,thier their,adn and,taht that`;

export const MISSPELLINGS: ReadonlyMap<string, string> = new Map(
  PAIRS.split(',').map((pair) => {
    const [wrong = '', ...right] = pair.trim().split(' ');
    return [wrong, right.join(' ')];
  }),
);
