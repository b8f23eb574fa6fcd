import './base.css';
import './keys.css';
import './status.css';
